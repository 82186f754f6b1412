// However many addresses are reserved, a call reads the files of its own container only.
import { expect, test } from "vitest";
import { Host } from "../../harness/host.ts";
import { callSuccessfully } from "../../harness/plugin.ts";
import { traceCall } from "../../harness/strace.ts";
import { directory } from "./network.ts";

const config = { cniVersion: "1.0.0", name: "n1", type: "bridge", ipam: { type: "host-local", subnet: "10.1.0.0/16" } };
const names = /networks\/n1\/10\./;

test.each([{ allocation: "round-robin" }, { allocation: "lowest" }])(
  "with a thousand reservations and allocation $allocation no other's is opened",
  async ({ allocation }) => {
    await using host = await Host.start();
    await host.sh(`mkdir -p ${directory}; cd ${directory}; for i in $(seq 2 1001); do
      printf "other$i\\r\\neth0" > 10.1.$((i / 256)).$((i % 256)); done; printf 10.1.3.233 > last_reserved_ip.0`);
    const call = {
      plugin: "host-local",
      netns: "/nowhere",
      config: { ...config, ipam: { ...config.ipam, allocation } },
    };
    // the first call finds the files of another program, and reads them once
    await callSuccessfully(host, { ...call, verb: "ADD", containerId: "first" });
    for (const verb of ["ADD", "CHECK", "DEL"] as const) {
      const trace = await traceCall(host, { ...call, verb }, "openat,getdents64");
      expect(trace.filter((line) => names.test(line) && !line.includes("ENOENT")).length, verb).toBeLessThanOrEqual(2);
      expect(trace.filter((line) => line.includes(`"${directory}"`)).length, verb).toBeLessThanOrEqual(1);
    }
  },
);
