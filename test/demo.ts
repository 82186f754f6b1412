// npm run demo: what a runtime does with our plugins, to be watched. It fails when something is not as it says.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { styleText } from "node:util";
import { type CnitoolCall, cnitool, writeConflists } from "./harness/cnitool.ts";
import { Host } from "./harness/host.ts";
import { ours } from "./harness/plugin.ts";
import { askTcp, connectHosts, serveTcp } from "./harness/traffic.ts";

const conflist = "conf/90-kubernetes.conflist";
const network = "pods";

await using host = await Host.start();
await using outside = await Host.start();
const directory = writeConflists(host, { "90-kubernetes.conflist": readFileSync(conflist, "utf8") });

say(`
This is a machine of its own: network namespaces that are gone when the demo ends. Your machine's network is not touched.

    container one ──┐
                    ├── cni0, a bridge ── the host ── uplink ── a server outside
    container two ──┘                    192.0.2.1            192.0.2.2`);

await connectHosts(host, outside, { a: "192.0.2.1/24", b: "192.0.2.2/24" });
const [one, two] = [await host.container("one"), await host.container("two")];

title(`Two containers are attached to the network "${network}" of ${conflist}`);
say(`cnitool, the client of the CNI project, calls ${relative("", ours)}/bridge as a container runtime does.`);
say(await client("add", one));
await client("add", two);

title("Both sides of the cable");
await show("ip -brief address show cni0");
await show("ip -brief link show master cni0");
for (const name of ["one", "two"]) {
  await show(`ip -netns ${name} -brief address show eth0`);
  await show(`ip -netns ${name} route`);
  await show(`ip -netns ${name} -6 route | grep -v fe80`);
}
await show("iptables-save -t nat | grep -e -A");

title("They talk to each other");
await serveTcp({ host, netns: one }, 8080);
await connect({ from: "two", netns: two, to: "10.88.0.2", port: 8080, server: "one", seen: "10.88.0.3" });
await serveTcp({ host, netns: two }, 8080);
await connect({ from: "one", netns: one, to: "fd00:88::3", port: 8080, server: "two", seen: "fd00:88::2" });

title("And to a server outside, which sees the address of the host");
await serveTcp({ host: outside }, 443);
await connect({ from: "one", netns: one, to: "192.0.2.2", port: 443, server: "the server outside", seen: "192.0.2.1" });

title("They are detached, and nothing is left");
await client("del", one);
await client("del", two);
await showNothing("ip -brief link show master cni0", "no port of the bridge");
for (const name of ["one", "two"])
  await showNothing(`ip -netns ${name} link show eth0 2>/dev/null`, `no eth0 in ${name}`);
await showNothing("iptables-save -t nat | grep CNI-; ip6tables-save -t nat | grep CNI-", "no rule");
await showNothing(`ls /var/lib/cni/networks/${network} | grep -v -e lock -e last_reserved`, "no address that is taken");
say(`
The bridge itself stays for the next container, as with the reference plugins and with Docker.
To use the plugins: npm run build -- --install /opt/cni/bin. README.md goes on from here.`);

interface Connection {
  readonly from: string;
  readonly netns: string;
  readonly to: string;
  readonly port: number;
  readonly server: string;
  /** The address at which the server has to see the client. */
  readonly seen: string;
}

async function connect({ from, netns, to, port, server, seen }: Connection): Promise<void> {
  const answer = await askTcp({ host, netns }, to, port);
  assert.equal(answer, seen);
  say(`${from} connects to ${to} port ${port}; ${server} answers: "you come from ${answer}"`);
}

async function client(verb: CnitoolCall["verb"], netns: string): Promise<string> {
  prompt(`cnitool ${verb} ${network} ${netns}`);
  const { exitCode, stdout, stderr } = await cnitool(host, { verb, network, netns, directory });
  assert.equal(exitCode, 0, stderr);
  return stdout.trim();
}

async function show(command: string): Promise<void> {
  prompt(command);
  say(await host.sh(command));
}

async function showNothing(command: string, meaning: string): Promise<void> {
  prompt(command);
  assert.equal(await host.sh(`{ ${command}; } || true`), "");
  say(styleText("dim", `(${meaning})`));
}

function title(text: string): void {
  console.log(`\n${styleText("bold", text)}`);
}

function prompt(command: string): void {
  say(styleText("cyan", `$ ${command}`));
}

function say(text: string): void {
  console.log(text.replaceAll(/^(?=.)/gm, "  "));
}
