import { expect, test } from "vitest";
import { neighbourAdvertisement } from "../../../src/net/announcement.ts";
import { ip, mac } from "../../values.ts";

test("a neighbour advertisement", () => {
  const expected = "88 00 0000 20000000 20010db8000100000000000000000002 02 01 020000000001".replaceAll(" ", "");
  expect(neighbourAdvertisement(ip("2001:db8:1::2"), mac("02:00:00:00:00:01")).toString("hex")).toBe(expected);
});
