// The packets by which an interface tells everybody on its link whose an address is now.
import { type Ip, ipToBytes } from "./ip.ts";
import { type Mac, macToBytes } from "./mac.ts";

const broadcast = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/** Where ff02::1 goes: RFC 2464, section 7. */
const allNodesMac = [0x33, 0x33, 0, 0, 0, 1];
const ETHERTYPE = { arp: [0x08, 0x06], ipv6: [0x86, 0xdd] } as const;
const allNodes = ipToBytes({ family: 6, value: 0xff02n * 2n ** 112n + 1n });
const ICMPV6 = 58;

/** An Ethernet frame: an ARP request for the own address, or an unsolicited neighbour advertisement, as Docker sends them. */
export function announcementFrame(ip: Ip, mac: Mac): Buffer {
  return ip.family === 4
    ? Buffer.from([...broadcast, ...macToBytes(mac), ...ETHERTYPE.arp, ...arpRequest(ip, mac)])
    : Buffer.from([...allNodesMac, ...macToBytes(mac), ...ETHERTYPE.ipv6, ...neighbourAdvertisement(ip, mac)]);
}

/** RFC 826 for Ethernet and IPv4: sender and target are the same, the target's MAC address is what is asked for. */
function arpRequest(ip: Ip, mac: Mac): number[] {
  const address = ipToBytes(ip);
  return [0, 1, 0x08, 0x00, 6, 4, 0, 1, ...macToBytes(mac), ...address, 0, 0, 0, 0, 0, 0, ...address];
}

/** RFC 4861, section 4.4, with the override flag; hop limit 255, which says that no router had it in its hands. */
function neighbourAdvertisement(ip: Ip, mac: Mac): number[] {
  const address = ipToBytes(ip);
  const message = (checksum: readonly number[]) => [
    ...[136, 0, ...checksum, 0x20, 0, 0, 0, ...address],
    // the target link-layer address, in units of 8 bytes
    ...[2, 1, ...macToBytes(mac)],
  ];
  const { length } = message([0, 0]);
  const pseudoHeader = [...address, ...allNodes, 0, 0, 0, length, 0, 0, 0, ICMPV6];
  const checksum = internetChecksum([...pseudoHeader, ...message([0, 0])]);
  const header = [0x60, 0, 0, 0, 0, length, ICMPV6, 255, ...address, ...allNodes];
  return [...header, ...message([checksum >> 8, checksum & 0xff])];
}

/** RFC 1071, of an even number of bytes. */
function internetChecksum(bytes: readonly number[]): number {
  let sum = bytes.reduce((total, byte, i) => total + (i % 2 === 0 ? byte << 8 : byte), 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
