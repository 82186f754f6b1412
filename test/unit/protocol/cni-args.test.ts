import { expect, test } from "vitest";
import { parseCniArgs } from "../../../src/protocol/cni-args.ts";
import { CniError } from "../../../src/protocol/error.ts";

test.for([
  ["nothing", "", {}],
  ["one pair", "IP=10.0.0.1", { IP: "10.0.0.1" }],
  ["two pairs", "IP=10.0.0.1;MAC=02:42:ac:11:00:02", { IP: "10.0.0.1", MAC: "02:42:ac:11:00:02" }],
  ["an empty value", "IP=", { IP: "" }],
  ["the later of two", "IP=10.0.0.1;IP=10.0.0.2", { IP: "10.0.0.2" }],
  ["spaces belong to the value", "IP= 10.0.0.1 ", { IP: " 10.0.0.1 " }],
] as const)("%s: %j", ([, text, args]) => {
  expect(parseCniArgs(text, ["IP", "MAC"])).toEqual(args);
});

test.for([
  ["IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.0.0.1"],
  ["K8S_POD_NAME=p;IP=10.0.0.1;IgnoreUnknown=true"],
  ["K8S_POD_NAME=p;IgnoreUnknown=TRUE;IP=10.0.0.1"],
  ["IgnoreUnknown=0;K8S_POD_NAME=p;IP=10.0.0.1;IgnoreUnknown=True"],
] as const)("unknown keys are ignored, wherever IgnoreUnknown stands: %s", ([text]) => {
  expect(parseCniArgs(text, ["IP"]).IP).toBe("10.0.0.1");
});

test.for([["IgnoreUnknown=0"], ["IgnoreUnknown=false"], ["IgnoreUnknown=FALSE"], ["IgnoreUnknown=1"]] as const)(
  "%s alone is no error",
  ([text]) => {
    expect(parseCniArgs(`${text};IP=10.0.0.1`, ["IP"]).IP).toBe("10.0.0.1");
  },
);

test.for([
  ["a key alone", "IP", '"IP" is not of the form KEY=VALUE'],
  ["two equal signs", "IP=a=b", '"IP=a=b" is not of the form KEY=VALUE'],
  ["a semicolon behind", "IP=10.0.0.1;", '"" is not of the form KEY=VALUE'],
  ["a semicolon in front", ";IP=10.0.0.1", '"" is not of the form KEY=VALUE'],
  ["two semicolons", "IP=10.0.0.1;;MAC=x", '"" is not of the form KEY=VALUE'],
  ["a key alone that could be ignored", "IgnoreUnknown=1;K8S", '"K8S" is not of the form KEY=VALUE'],
  ["an unknown key", "A=1", "unknown arguments [A=1]; set IgnoreUnknown=1 to have them ignored"],
  ["unknown keys", "A=1;IP=x;B=2", "unknown arguments [A=1 B=2]; set IgnoreUnknown=1 to have them ignored"],
  ["a key in another case", "ip=10.0.0.1", "unknown arguments [ip=10.0.0.1]; set IgnoreUnknown=1 to have them ignored"],
  ["an empty key", "=1", "unknown arguments [=1]; set IgnoreUnknown=1 to have them ignored"],
  ["IgnoreUnknown=0", "A=1;IgnoreUnknown=0", "unknown arguments [A=1]; set IgnoreUnknown=1 to have them ignored"],
  [
    "IgnoreUnknown in another case",
    "A=1;ignoreunknown=1",
    "unknown arguments [A=1 ignoreunknown=1]; set IgnoreUnknown=1 to have them ignored",
  ],
  ["IgnoreUnknown that is neither", "A=1;IgnoreUnknown=yes", 'IgnoreUnknown is "yes", not true or false'],
  ["IgnoreUnknown that is empty", "A=1;IgnoreUnknown=", 'IgnoreUnknown is "", not true or false'],
  ["the same when nothing is unknown", "IP=x;IgnoreUnknown=yes", 'IgnoreUnknown is "yes", not true or false'],
] as const)("refused with code 4: %s", ([, text, problem]) => {
  expect(() => parseCniArgs(text, ["IP", "MAC"])).toThrow(new CniError(4, `CNI_ARGS: ${problem}`));
});
