// By which an interface tells everybody on its link whose an IPv6 address is now.
import { type Ip, ipToBytes } from "./ip.ts";
import { type Mac, macToBytes } from "./mac.ts";

/** ff02::1 */
export const allNodes = ipToBytes({ family: 6, value: 0xff02n * 2n ** 112n + 1n });

/** An unsolicited one with the override flag, as Docker sends it: RFC 4861, section 4.4. The checksum is left to the kernel. */
export function neighbourAdvertisement(ip: Ip, mac: Mac): Buffer {
  return Buffer.from([
    ...[136, 0, 0, 0, 0x20, 0, 0, 0, ...ipToBytes(ip)],
    // the target link-layer address, in units of 8 bytes
    ...[2, 1, ...macToBytes(mac)],
  ]);
}
