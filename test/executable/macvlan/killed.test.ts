// An ADD and a DEL that are killed at any of their changes: the next call puts it right.
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Lan, macvlanConfig, startLan } from "../../harness/lan.ts";
import { type Call, callPlugin, callSuccessfully } from "../../harness/plugin.ts";

const config = { ...macvlanConfig, hostAccess: true };
/** With these a call changes something: netlink messages and sysctls, and files. */
const changes = ["write", "pwrite64", "rename", "link", "unlink"];

let lan: Lan;
beforeEach(async () => {
  lan = await startLan();
  await lan.host.sh("ip netns add c1; ip netns add c2");
});
afterEach(() => lan[Symbol.asyncDispose]());

const callOf = (verb: Call["verb"], name: string): Call => {
  return { verb, plugin: "macvlan", config, containerId: name, netns: `/run/netns/${name}` };
};

/** Kills it at the start of its nth call of that name; whether it came so far. */
async function killAt(call: Call, name: string, n: number): Promise<boolean> {
  const inject = `inject=${name}:signal=SIGKILL:when=${n}`;
  const under = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${name}`, "-e", inject];
  return (await callPlugin(lan.host, { ...call, under })).exitCode !== 0;
}

async function expectNothingLeft(): Promise<void> {
  const links = await lan.host.sh(
    "ip -brief link | cut -d' ' -f1 | cut -d@ -f1; for n in c1 c2; do ip -n $n -brief link | wc -l; done",
  );
  const files = await lan.host.sh(
    "find /run/dockbridge /var/lib/cni -type f ! -path '*/.dockbridge/*' ! -name lock ! -name 'last_*' ! -name '*.new' ! -name '.unfinished*' 2>/dev/null || true",
  );
  const ways = await lan.host.sh("ip route | grep -c mvhost || true; ip neighbour show nud permanent");
  expect({ links, files, ways }).toEqual({ links: "lo\nuplink\n1\n1", files: "", ways: "0" });
}

test.each(changes)(
  "an ADD, at each %s",
  async (name) => {
    let n = 1;
    for (; await killAt(callOf("ADD", "c1"), name, n); n++) {
      await callSuccessfully(lan.host, callOf("DEL", "c1"));
      await expectNothingLeft();
    }
    expect(n).toBeGreaterThan(1);
  },
  240_000,
);

test("an ADD, whose container is gone then: the next one's DEL takes everything away", async () => {
  let n = 3;
  for (; await killAt(callOf("ADD", "c1"), "write", n); n += 3) {
    await lan.host.sh("ip netns delete c1");
    await callSuccessfully(lan.host, callOf("ADD", "c2"));
    await callSuccessfully(lan.host, callOf("DEL", "c2"));
    await lan.host.sh("ip netns add c1");
    const links = await lan.host.sh("ip -brief link | cut -d' ' -f1 | cut -d@ -f1; ls /run/dockbridge/*");
    expect(links.replace(/macvlan.new\n?/, "").trim()).toBe("lo\nuplink\nlock");
  }
  expect(n).toBeGreaterThan(20);
}, 240_000);

test.each(changes.filter((name) => name !== "link"))(
  "a DEL, at each %s",
  async (name) => {
    let n = 0;
    for (let wasKilled = true; wasKilled; ) {
      n++;
      wasKilled = false;
      await callSuccessfully(lan.host, callOf("ADD", "c1"));
      await callSuccessfully(lan.host, callOf("ADD", "c2"));
      // one leaves while the other stays, and then the last one
      for (const leaver of ["c2", "c1"]) {
        if (await killAt(callOf("DEL", leaver), name, n)) wasKilled = true;
        await callSuccessfully(lan.host, callOf("DEL", leaver));
      }
      await expectNothingLeft();
    }
    expect(n).toBeGreaterThan(1);
  },
  240_000,
);
