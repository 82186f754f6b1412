import { describe, expect, test } from "vitest";
import { addNftRules, isOwnComment, nothingFound, quoteNft, removeNftRules } from "../../../src/plan/nft-rules.ts";
import { nftRules } from "./examples.ts";

describe("isOwnComment", () => {
  test.for([
    ["the same text", { is: "c1-eth0" }, "c1-eth0", true],
    ["a longer text", { is: "c1-eth0" }, "c1-eth01", false],
    ["no text", { is: "c1-eth0" }, "", false],
    ["a longer text of a prefix", { startsWith: "a-b", except: [] }, "a-b, net: n1", true],
    ["another text than the prefix", { startsWith: "a-b", except: [] }, "a-c", false],
    ["an exception of a prefix", { startsWith: "a", except: ["a-c", "a-b"] }, "a-b, net: n1", false],
    ["no exception of a prefix", { startsWith: "a", except: ["a-c"] }, "a-b", true],
  ] as const)("%s", ([, pattern, comment, expected]) => {
    expect(isOwnComment(pattern, comment)).toBe(expected);
  });
});

describe("addNftRules", () => {
  const chainAndRules = `add chain bridge nat own
flush chain bridge nat own
add rule bridge nat PREROUTING jump own comment "c1"
add rule bridge nat own drop comment "c1"
`;

  test("where nothing is yet", () => {
    expect(addNftRules(nftRules, nothingFound)).toBe(`add table bridge nat\n${chainAndRules}`);
  });

  test("in place of what an earlier one left", () => {
    expect(
      addNftRules(nftRules, {
        rules: [
          { chain: "PREROUTING", handle: 7n },
          { chain: "PREROUTING", handle: 2n ** 63n },
        ],
        chains: ["own"],
      }),
    ).toBe(`add table bridge nat
delete rule bridge nat PREROUTING handle 7
delete rule bridge nat PREROUTING handle 9223372036854775808
${chainAndRules}`);
  });
});

describe("removeNftRules", () => {
  test("of nothing is nothing", () => {
    expect(removeNftRules(nftRules.owner, nothingFound)).toBe(undefined);
  });

  test("the rules go first, then what the chains have, then the chains", () => {
    expect(
      removeNftRules(nftRules.owner, {
        rules: [
          { chain: "PREROUTING", handle: 7n },
          { chain: "PREROUTING", handle: 8n },
        ],
        chains: ["own", "own-mac"],
      }),
    ).toBe(`delete rule bridge nat PREROUTING handle 7
delete rule bridge nat PREROUTING handle 8
flush chain bridge nat own
flush chain bridge nat own-mac
delete chain bridge nat own
delete chain bridge nat own-mac
`);
  });

  test("chains alone go, too", () => {
    expect(removeNftRules(nftRules.owner, { rules: [], chains: ["own"] })).toBe(
      "flush chain bridge nat own\ndelete chain bridge nat own\n",
    );
  });
});

test("a text has no quotation marks in it", () => {
  expect(quoteNft('a "b" \\ c')).toBe('"a b \\ c"');
});
