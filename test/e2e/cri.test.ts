// A pod as a kubelet makes it, through the CRI plugin of containerd: the loopback that containerd always attaches, published ports,
// bandwidth, DNS, stopped and removed twice.
import { expect } from "vitest";
import { writeConflists } from "../harness/cnitool.ts";
import { ask } from "./ask.ts";
import { built, debian, type Programs, runtimeOf, startContainerd } from "./containerd.ts";
import { networkIsReady, removePod, runPod, stopPod } from "./cri-client.ts";
import { imageName } from "./image.ts";
import { leases } from "./leftovers.ts";
import { hostAddress, type Machine, outsideAddress } from "./machine.ts";
import { capabilityOf, cniVersionsOf, type RecordedCall } from "./recorded-calls.ts";
import { scenario } from "./scenario.ts";

const network = {
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      capabilities: { dns: true, "io.kubernetes.cri.pod-annotations": true },
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.77.0.0/24" }], [{ subnet: "fd00:77::/64" }]],
        routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
      },
    },
    { type: "portmap", capabilities: { portMappings: true } },
    { type: "bandwidth", capabilities: { bandwidth: true, cgroupPath: true } },
    { type: "firewall" },
    { type: "tuning" },
  ],
};

const pod = {
  name: "web",
  uid: "u-1",
  dns: { servers: ["10.96.0.10"], searches: ["svc.cluster.local"] },
  ports: [
    { protocol: "TCP", containerPort: 80, hostPort: 8080 },
    { protocol: "UDP", containerPort: 53, hostPort: 5353, hostIp: "127.0.0.1" },
    { protocol: "TCP", containerPort: 81, hostPort: 0 },
  ],
  annotations: { "kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "5M", "x.example/y": "z" },
} as const;

for (const programs of [debian, built]) {
  scenario({
    name: `cri of containerd ${programs.version}`,
    does: "a pod through the CRI plugin: ports, bandwidth, dns; reached, stopped and removed twice",
    missing: programs.missing,
    play: (machine) => play(machine, programs),
    // the bridge and its addresses stay for the next pod
    kept: [/^link cni0$/, /^address cni0 /],
  });
}

/** What containerd needs in a machine without cgroups, AppArmor and the right to change the score of the OOM killer. */
function configOf(machine: Machine, networks: string): string {
  return `
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${imageName}"
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${machine.bin}"
    conf_dir = "${networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "${runtimeOf(machine)}"
`;
}

async function play(machine: Machine, programs: Programs): Promise<void> {
  const { host, outside } = machine;
  // Debian's Go plugins do not speak 1.1.0, and containerd 1.6 does not either
  const cniVersion = machine.set === "ours" && programs.version === "2" ? "1.1.0" : "1.0.0";
  const networks = writeConflists(host, { "10-pods.conflist": JSON.stringify({ cniVersion, ...network }) });
  const config = configOf(machine, networks);
  const { socket, stop } = await startContainerd(machine, {
    programs,

    config,
    namespaces: ["k8s.io"],
  });
  await expect.poll(() => networkIsReady(socket)).toBe(true);

  const id = await runPod(socket, pod);
  expect(await leases(host, "pods")).toEqual(["10.77.0.2", "fd00:77::2"]);
  expect(await ask(host, "10.77.0.2")).toBe("10.77.0.1");
  expect(await ask(host, "fd00:77::2")).toBe("fd00:77::1");
  expect(await ask(outside, hostAddress, 8080)).toBe(outsideAddress);
  expect(await ask(host, "10.77.0.1", 8080)).toBe("10.77.0.1");
  expect(await ask(host, "127.0.0.1", 8080)).toBe("10.77.0.1");
  const limits = await host.sh("tc qdisc show | grep tbf | sed -E 's/.* (rate [^ ]+).*/\\1/' | sort");
  expect(limits).toBe("rate 10Mbit\nrate 5Mbit");

  await stopPod(socket, id);
  expect(await leases(host, "pods")).toEqual([]);
  await stopPod(socket, id);
  await removePod(socket, id);
  await removePod(socket, id);
  await stop();
  checkCalls(machine.calls());
  expect(cniVersionsOf(machine.calls())).toEqual(["0.3.1", cniVersion]);
  // it asks for the STATUS of every plugin whenever a kubelet asks for its own
  const asked = machine.calls().filter(({ verb }) => verb === "STATUS");
  const all = network.plugins.map(({ type }) => type);
  expect([...new Set(asked.map(({ plugin }) => plugin))]).toEqual(cniVersion === "1.1.0" ? all : []);
}

/** What other clients do not send, and a plugin has to take. */
function checkCalls(calls: readonly RecordedCall[]): void {
  expect(cniVersionsOf(calls.filter(({ plugin }) => plugin === "loopback"))).toEqual(["0.3.1"]);
  expect(capabilityOf(calls, "portmap", "portMappings")).toEqual([
    { HostPort: 8080, ContainerPort: 80, Protocol: "tcp", HostIP: "" },
    { HostPort: 5353, ContainerPort: 53, Protocol: "udp", HostIP: "127.0.0.1" },
  ]);
  expect(capabilityOf(calls, "bandwidth", "bandwidth")).toEqual([
    { IngressRate: 10_000_000, IngressBurst: 2 ** 32 - 1, EgressRate: 5_000_000, EgressBurst: 2 ** 32 - 1 },
  ]);
  expect(capabilityOf(calls, "bridge", "dns")).toMatchObject([{ Servers: ["10.96.0.10"] }]);
  const removals = calls.filter(({ plugin, verb }) => plugin === "bridge" && verb === "DEL");
  expect(removals.map(({ env }) => env["CNI_NETNS"] === "")).toContain(true);
}
