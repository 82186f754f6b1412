// Values as people write them, for tests. A text that cannot be read ends the test.
import { type Cidr, parseCidr } from "../../../src/net/cidr.ts";
import { type Ip, parseIp } from "../../../src/net/ip.ts";
import { type Mac, parseMac } from "../../../src/net/mac.ts";

export const mustIp: (text: string) => Ip = must(parseIp);
export const mustCidr: (text: string) => Cidr = must(parseCidr);
export const mustMac: (text: string) => Mac = must(parseMac);

function must<T>(parse: (text: string) => T | undefined): (text: string) => T {
  return (text) => {
    const value = parse(text);
    if (value === undefined) throw new Error(`the test writes ${text}, which cannot be read`);
    return value;
  };
}
