import { type Cidr, parseCidr } from "../src/net/cidr.ts";
import { type Ip, parseIp } from "../src/net/ip.ts";
import { type Mac, parseMac } from "../src/net/mac.ts";

export const ip = (text: string): Ip => known(parseIp(text), text);
export const cidr = (text: string): Cidr => known(parseCidr(text), text);
export const mac = (text: string): Mac => known(parseMac(text), text);

function known<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new Error(`the test itself is wrong: ${text}`);
  return value;
}
