// Scenarios of Docker Engine 29 with `--userland-proxy=false`, without published ports, and what iptables-save must print then:
// of each chain all rules in order.
import { printCidr } from "../src/net/cidr.ts";
import { printIp } from "../src/net/ip.ts";
import { dockerNetwork, dockerSubnet } from "./docker-networks.ts";
import { cidr, ip } from "./values.ts";

export interface Scenario {
  readonly name: string;
  /** In the order in which they are made; each with the addresses of its containers. */
  readonly networks: readonly {
    readonly network: ReturnType<typeof dockerNetwork>;
    readonly addresses: readonly ReturnType<typeof ip>[];
    /** As in runtimeConfig.portMappings, of every container. */
    readonly ports?: readonly object[];
  }[];
  readonly saved: Partial<Record<4 | 6, string>>;
}

/** What is there before the first network, and stays. */
export const frame = `*filter
:DOCKER -
:DOCKER-BRIDGE -
:DOCKER-CT -
:DOCKER-FORWARD -
:DOCKER-INTERNAL -
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-INTERNAL
-A DOCKER-FORWARD -j DOCKER-BRIDGE
*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
`;

const docker0 = { network: dockerNetwork("docker0", ["172.17.0.0/16"]), addresses: [] };
const bridge1 = ["192.0.2.0/24"];
const c1 = [ip("192.0.2.2")];
const twins = ["192.0.2.0/24", "2001:db8:1::/64"];
const c1Twins = [ip("192.0.2.2"), ip("2001:db8:1::2")];

const S1 = `${frame}*filter
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -i docker0 -j ACCEPT
*nat
-A POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
`;

const bridgeAndEstablished = `*filter
-A DOCKER-BRIDGE -o bridge1 -j DOCKER
-A DOCKER-CT -o bridge1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
`;
const dropped = "-A DOCKER ! -i bridge1 -o bridge1 -j DROP\n";
const outgoing = "-A DOCKER-FORWARD -i bridge1 -j ACCEPT\n";
const local = "*nat\n-A POSTROUTING -o bridge1 -m addrtype --src-type LOCAL -j MASQUERADE\n";
const masquerade = "-A POSTROUTING -s 192.0.2.0/24 ! -o bridge1 -j MASQUERADE\n";
const direct = "*raw\n-A PREROUTING -d 192.0.2.2/32 ! -i bridge1 -j DROP\n";
/** bridge1 alone, with one container, as most scenarios vary it. */
const S6 = frame + bridgeAndEstablished + dropped + outgoing + local + masquerade + direct;

export const scenarios: readonly Scenario[] = [
  { name: "S1: only docker0", networks: [docker0], saved: { 4: S1 } },
  {
    name: "S4: internal networks, with and without icc",
    networks: [
      docker0,
      { network: dockerNetwork("bridgeICC", bridge1, { internal: true }), addresses: c1 },
      {
        network: dockerNetwork("bridgeNoICC", ["198.51.100.0/24"], { internal: true, icc: false }),
        addresses: [ip("198.51.100.2")],
      },
    ],
    saved: {
      4: `${S1}*filter
-A DOCKER-FORWARD -i bridgeICC -o bridgeICC -j ACCEPT
-A DOCKER-FORWARD -i bridgeNoICC -o bridgeNoICC -j DROP
-A DOCKER-INTERNAL ! -s 198.51.100.0/24 -o bridgeNoICC -j DROP
-A DOCKER-INTERNAL ! -d 198.51.100.0/24 -i bridgeNoICC -j DROP
-A DOCKER-INTERNAL ! -s 192.0.2.0/24 -o bridgeICC -j DROP
-A DOCKER-INTERNAL ! -d 192.0.2.0/24 -i bridgeICC -j DROP
`,
    },
  },
  {
    name: "S5: icc off",
    networks: [{ network: dockerNetwork("bridge1", bridge1, { icc: false }), addresses: c1 }],
    saved: {
      4: `${frame}${bridgeAndEstablished}${dropped}-A DOCKER-FORWARD -i bridge1 -o bridge1 -j DROP
-A DOCKER-FORWARD -i bridge1 ! -o bridge1 -j ACCEPT
${local}${masquerade}${direct}`,
    },
  },
  {
    name: "S6 without docker0",
    networks: [{ network: dockerNetwork("bridge1", bridge1), addresses: c1 }],
    saved: { 4: S6 },
  },
  {
    name: "S6: docker0 and a network",
    networks: [docker0, { network: dockerNetwork("bridge1", bridge1), addresses: c1 }],
    saved: {
      4: `${frame}*filter
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER ! -i bridge1 -o bridge1 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-BRIDGE -o bridge1 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-CT -o bridge1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER-FORWARD -i bridge1 -j ACCEPT
*nat
-A POSTROUTING -o bridge1 -m addrtype --src-type LOCAL -j MASQUERADE
-A POSTROUTING -s 192.0.2.0/24 ! -o bridge1 -j MASQUERADE
-A POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
${direct}`,
    },
  },
  {
    name: "S7: routed",
    networks: [
      docker0,
      {
        network: dockerNetwork("bridge1", [], {
          subnets: { 4: dockerSubnet("192.0.2.0/24", { gatewayMode: "routed" }) },
        }),
        addresses: c1,
      },
    ],
    saved: {
      4: `${frame}*filter
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER -o bridge1 -p icmp -j ACCEPT
-A DOCKER ! -i bridge1 -o bridge1 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-BRIDGE -o bridge1 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-CT -o bridge1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER-FORWARD -i bridge1 -j ACCEPT
*nat
-A POSTROUTING -o bridge1 -m addrtype --src-type LOCAL -j MASQUERADE
-A POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
`,
    },
  },
  {
    name: "S8: nat-unprotected",
    networks: [
      {
        network: dockerNetwork("bridge1", [], {
          subnets: { 4: dockerSubnet("192.0.2.0/24", { gatewayMode: "nat-unprotected" }) },
        }),
        addresses: c1,
      },
    ],
    saved: {
      4: `${frame}${bridgeAndEstablished}-A DOCKER ! -i bridge1 -o bridge1 -j ACCEPT\n${outgoing}${local}${masquerade}`,
    },
  },
  {
    name: "S9: docker0 and two networks",
    networks: [
      docker0,
      { network: dockerNetwork("bridge1", bridge1), addresses: c1 },
      { network: dockerNetwork("bridge2", ["198.51.100.0/24"]), addresses: [ip("198.51.100.2")] },
    ],
    saved: {
      4: `${frame}*filter
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER ! -i bridge1 -o bridge1 -j DROP
-A DOCKER ! -i bridge2 -o bridge2 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-BRIDGE -o bridge1 -j DOCKER
-A DOCKER-BRIDGE -o bridge2 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-CT -o bridge1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-CT -o bridge2 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER-FORWARD -i bridge1 -j ACCEPT
-A DOCKER-FORWARD -i bridge2 -j ACCEPT
*nat
-A POSTROUTING -o bridge2 -m addrtype --src-type LOCAL -j MASQUERADE
-A POSTROUTING -s 198.51.100.0/24 ! -o bridge2 -j MASQUERADE
-A POSTROUTING -o bridge1 -m addrtype --src-type LOCAL -j MASQUERADE
-A POSTROUTING -s 192.0.2.0/24 ! -o bridge1 -j MASQUERADE
-A POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
*raw
-A PREROUTING -d 192.0.2.2/32 ! -i bridge1 -j DROP
-A PREROUTING -d 198.51.100.2/32 ! -i bridge2 -j DROP
`,
    },
  },
  {
    name: "an address of the host for what containers send, of both families",
    networks: [
      {
        network: dockerNetwork("bridge1", [], {
          subnets: {
            4: dockerSubnet("192.0.2.0/24", { snat: ip("203.0.113.7") }),
            6: dockerSubnet("2001:db8:1::/64", { snat: ip("2001:db8::7") }),
          },
        }),
        addresses: c1Twins,
      },
    ],
    saved: {
      4: `${frame}${bridgeAndEstablished}${dropped}${outgoing}*nat
-A POSTROUTING -o bridge1 -m addrtype --src-type LOCAL -j SNAT --to-source 203.0.113.7
-A POSTROUTING -s 192.0.2.0/24 ! -o bridge1 -j SNAT --to-source 203.0.113.7
${direct}`,
      6: `${frame}${bridgeAndEstablished}${dropped}${outgoing}*nat
-A POSTROUTING -o bridge1 -m addrtype --src-type LOCAL -j SNAT --to-source 2001:db8::7
-A POSTROUTING -s 2001:db8:1::/64 ! -o bridge1 -j SNAT --to-source 2001:db8::7
*raw
-A PREROUTING -d 2001:db8:1::2/128 ! -i bridge1 -j DROP
`,
    },
  },
  {
    name: "masquerade off",
    networks: [{ network: dockerNetwork("bridge1", bridge1, { masquerade: false }), addresses: c1 }],
    saved: { 4: frame + bridgeAndEstablished + dropped + outgoing + local + direct },
  },
  {
    name: "trusted interfaces",
    networks: [
      {
        network: dockerNetwork("bridge1", twins, { trustedHostInterfaces: ["eth1", "eth2"] }),
        addresses: [...c1, ip("192.0.2.3"), ip("2001:db8:1::2")],
      },
    ],
    saved: {
      4: `${frame}${bridgeAndEstablished}${dropped}${outgoing}${local}${masquerade}*raw
-A PREROUTING -d 192.0.2.2/32 -i eth1 -j ACCEPT
-A PREROUTING -d 192.0.2.2/32 -i eth2 -j ACCEPT
-A PREROUTING -d 192.0.2.2/32 ! -i bridge1 -j DROP
-A PREROUTING -d 192.0.2.3/32 -i eth1 -j ACCEPT
-A PREROUTING -d 192.0.2.3/32 -i eth2 -j ACCEPT
-A PREROUTING -d 192.0.2.3/32 ! -i bridge1 -j DROP
`,
      6: `${frame}${bridgeAndEstablished}${dropped}${outgoing}${local}-A POSTROUTING -s 2001:db8:1::/64 ! -o bridge1 -j MASQUERADE
*raw
-A PREROUTING -d 2001:db8:1::2/128 -i eth1 -j ACCEPT
-A PREROUTING -d 2001:db8:1::2/128 -i eth2 -j ACCEPT
-A PREROUTING -d 2001:db8:1::2/128 ! -i bridge1 -j DROP
`,
    },
  },
  {
    name: "direct routing allowed",
    networks: [
      {
        network: dockerNetwork("bridge1", bridge1, { allowDirectRouting: true, trustedHostInterfaces: ["eth1"] }),
        addresses: c1,
      },
    ],
    saved: { 4: frame + bridgeAndEstablished + dropped + outgoing + local + masquerade },
  },
  {
    name: "IPv6 twins of S5 and S7: icc off, IPv6 routed",
    networks: [
      {
        network: dockerNetwork("bridge1", [], {
          icc: false,
          subnets: {
            4: dockerSubnet("192.0.2.0/24"),
            6: dockerSubnet("2001:db8:1::/64", { gatewayMode: "routed" }),
          },
        }),
        addresses: c1Twins,
      },
    ],
    saved: {
      4: `${frame}${bridgeAndEstablished}${dropped}-A DOCKER-FORWARD -i bridge1 -o bridge1 -j DROP
-A DOCKER-FORWARD -i bridge1 ! -o bridge1 -j ACCEPT
${local}${masquerade}${direct}`,
      6: `${frame}${bridgeAndEstablished}-A DOCKER -o bridge1 -p ipv6-icmp -j ACCEPT
${dropped}-A DOCKER-FORWARD -i bridge1 -o bridge1 -j DROP
-A DOCKER-FORWARD -i bridge1 ! -o bridge1 -j ACCEPT
${local}`,
    },
  },
  {
    name: "IPv6 twin of S4: internal, and isolated",
    networks: [
      {
        network: dockerNetwork("bridge1", [], {
          internal: true,
          subnets: {
            4: dockerSubnet("192.0.2.0/24"),
            6: dockerSubnet("2001:db8:1::/64", { gatewayMode: "isolated" }),
          },
        }),
        addresses: c1Twins,
      },
    ],
    saved: {
      4: `${frame}*filter
-A DOCKER-FORWARD -i bridge1 -o bridge1 -j ACCEPT
-A DOCKER-INTERNAL ! -s 192.0.2.0/24 -o bridge1 -j DROP
-A DOCKER-INTERNAL ! -d 192.0.2.0/24 -i bridge1 -j DROP
`,
      6: `${frame}*filter
-A DOCKER-FORWARD -i bridge1 -o bridge1 -j ACCEPT
-A DOCKER-INTERNAL ! -s 2001:db8:1::/64 ! -i bridge1 -o bridge1 -j DROP
-A DOCKER-INTERNAL ! -d 2001:db8:1::/64 -i bridge1 ! -o bridge1 -j DROP
`,
    },
  },
  {
    name: "IPv6 alone",
    networks: [{ network: dockerNetwork("bridge1", ["2001:db8:1::/64"]), addresses: [ip("2001:db8:1::2")] }],
    saved: {
      6: `${frame}${bridgeAndEstablished}${dropped}${outgoing}${local}-A POSTROUTING -s 2001:db8:1::/64 ! -o bridge1 -j MASQUERADE
*raw
-A PREROUTING -d 2001:db8:1::2/128 ! -i bridge1 -j DROP
`,
    },
  },
];

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const opened = "-A DOCKER -d 192.0.2.2/32 ! -i bridge1 -o bridge1 -p tcp -m tcp --dport 80 -j ACCEPT\n";
const selfMasquerade = "-A POSTROUTING -s 192.0.2.2/32 -d 192.0.2.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE\n";

/** bridge1 alone with c1, and what a published port adds. */
const published = (at: string, inRaw = "") =>
  `${frame}${bridgeAndEstablished}${opened}${dropped}${outgoing}${local}${masquerade}${selfMasquerade}-A DOCKER ${at}-p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80
${direct}${inRaw}`;

const portsOf = (network: ReturnType<typeof dockerNetwork>, ports: readonly object[], addresses = c1) => [
  { network, addresses, ports },
];

/** The same with published ports. */
export const portScenarios: readonly Scenario[] = [
  {
    name: "S2, S6: a published port",
    networks: portsOf(dockerNetwork("bridge1", bridge1), [web]),
    saved: { 4: published("") },
  },
  {
    name: "S3: a port on one address of the host",
    networks: portsOf(dockerNetwork("bridge1", bridge1), [{ ...web, hostIP: "192.168.77.1" }]),
    saved: { 4: published("-d 192.168.77.1/32 ") },
  },
  {
    name: "S3: a port on a loopback address",
    networks: portsOf(dockerNetwork("bridge1", bridge1), [{ ...web, hostIP: "127.0.0.1" }]),
    saved: {
      4: published("-d 127.0.0.1/32 ", "-A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 8080 -j DROP\n"),
    },
  },
  {
    name: "a network that publishes on one address",
    networks: portsOf(dockerNetwork("bridge1", bridge1, { hostBinding: ip("192.168.77.1") }), [web]),
    saved: { 4: published("-d 192.168.77.1/32 ") },
  },
  {
    name: "S4: ports of an internal network are not published",
    networks: portsOf(dockerNetwork("bridge1", bridge1, { internal: true }), [web]),
    saved: {
      4: `${frame}*filter
-A DOCKER-FORWARD -i bridge1 -o bridge1 -j ACCEPT
-A DOCKER-INTERNAL ! -s 192.0.2.0/24 -o bridge1 -j DROP
-A DOCKER-INTERNAL ! -d 192.0.2.0/24 -i bridge1 -j DROP
`,
    },
  },
  {
    name: "S7: routed, with a port",
    networks: portsOf(
      dockerNetwork("bridge1", [], { subnets: { 4: dockerSubnet("192.0.2.0/24", { gatewayMode: "routed" }) } }),
      [web],
    ),
    saved: {
      4: `${frame}${bridgeAndEstablished}${opened}-A DOCKER -o bridge1 -p icmp -j ACCEPT
${dropped}${outgoing}${local}`,
    },
  },
  {
    name: "S8: nat-unprotected, with a port",
    networks: portsOf(
      dockerNetwork("bridge1", [], {
        subnets: { 4: dockerSubnet("192.0.2.0/24", { gatewayMode: "nat-unprotected" }) },
      }),
      [web],
    ),
    saved: {
      4: `${frame}${bridgeAndEstablished}-A DOCKER ! -i bridge1 -o bridge1 -j ACCEPT
${outgoing}${local}${masquerade}${selfMasquerade}-A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.2:80
`,
    },
  },
  {
    name: "IPv6 twin of S2, with several ports in Docker's order",
    networks: portsOf(
      dockerNetwork("bridge1", ["2001:db8:1::/64"]),
      [{ hostPort: 53, containerPort: 5353, protocol: "UDP" }, { ...web, hostPort: 8081 }, web],
      [ip("2001:db8:1::2")],
    ),
    saved: {
      6: `${frame}${bridgeAndEstablished}-A DOCKER -d 2001:db8:1::2/128 ! -i bridge1 -o bridge1 -p udp -m udp --dport 5353 -j ACCEPT
-A DOCKER -d 2001:db8:1::2/128 ! -i bridge1 -o bridge1 -p tcp -m tcp --dport 80 -j ACCEPT
${dropped}${outgoing}${local}-A POSTROUTING -s 2001:db8:1::/64 ! -o bridge1 -j MASQUERADE
-A POSTROUTING -s 2001:db8:1::2/128 -d 2001:db8:1::2/128 -p tcp -m tcp --dport 80 -j MASQUERADE
-A POSTROUTING -s 2001:db8:1::2/128 -d 2001:db8:1::2/128 -p udp -m udp --dport 5353 -j MASQUERADE
-A DOCKER ! -s fe80::/10 -p tcp -m tcp --dport 8080 -j DNAT --to-destination [2001:db8:1::2]:80
-A DOCKER ! -s fe80::/10 -p tcp -m tcp --dport 8081 -j DNAT --to-destination [2001:db8:1::2]:80
-A DOCKER ! -s fe80::/10 -p udp -m udp --dport 53 -j DNAT --to-destination [2001:db8:1::2]:5353
*raw
-A PREROUTING -d 2001:db8:1::2/128 ! -i bridge1 -j DROP
`,
    },
  },
];

/** The same scenario with IPv6 instead of IPv4: what section 1.7 of the reference says is different, and nothing else. */
export function inIPv6({ name, networks, saved }: Scenario): Scenario {
  return {
    name: `${name}, in IPv6`,
    networks: networks.map(({ network, addresses, ...more }) => {
      const subnet = network.subnets[4];
      if (subnet === undefined) throw new Error(`the test itself is wrong: ${name} has no IPv4`);
      return {
        ...more,
        network: { ...network, subnets: { 6: { ...subnet, subnet: cidr(addressesInIPv6(printCidr(subnet.subnet))) } } },
        addresses: addresses.map((address) => ip(addressesInIPv6(printIp(address)))),
      };
    }),
    saved: { 6: rulesInIPv6(saved[4] ?? "") },
  };
}

function rulesInIPv6(listing: string): string {
  return addressesInIPv6(listing)
    .replaceAll("-p icmp", "-p ipv6-icmp")
    .replaceAll(/(-INTERNAL ! -s \S+) (-o (\S+))/g, "$1 ! -i $3 $2")
    .replaceAll(/(-INTERNAL ! -d \S+ -i (\S+))/g, "$1 ! -o $2")
    .replaceAll(/(-A DOCKER) (.*DNAT)/g, "$1 ! -s fe80::/10 $2")
    .replaceAll(/--to-destination (\S+):(\d+)$/gm, "--to-destination [$1]:$2");
}

/** `172.17.0.0/16` -> `fd00:172:17::/64`, `192.0.2.2/32` -> `fd00:192:2::2/128` */
function addressesInIPv6(text: string): string {
  return text.replaceAll(/\d+(\.\d+){3}(\/\d+)?/g, (written) => {
    const [address = "", length] = written.split("/");
    const [first, second, third, last] = address.split(".");
    const subnet = `fd00:${first}:${first === "172" ? second : third}::`;
    const lengthInIPv6 = length === "32" ? "/128" : "/64";
    return `${subnet}${last === "0" ? "" : last}${length === undefined ? "" : lengthInIPv6}`;
  });
}
