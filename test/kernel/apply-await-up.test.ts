import { beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../src/plan/step.ts";
import { openFiles } from "./child.ts";
import { leaveTheMachine, sh } from "./own-network.ts";
import { PlanRun } from "./plan-run.ts";

beforeAll(leaveTheMachine);

const awaitUp: Step = { do: "link.await-up", place: "host", link: "v0" };

/** A veth whose end on the host is up, and whose other end is still down. */
async function open(): Promise<PlanRun> {
  const run = await PlanRun.open();
  await run.apply(
    { do: "link.add-veth", host: { name: "v0" }, container: { name: "eth0" } },
    { do: "link.set", place: "host", link: "v0", up: true },
  );
  return run;
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

describe("waiting for a link", () => {
  test("that is up ends at once", async () => {
    await using run = await open();
    await run.side.sh("ip link set eth0 up");
    await expect.poll(() => sh("ip -brief link show v0")).toMatch(/ UP /);
    expect(await timed(() => run.apply(awaitUp))).toBeLessThan(1_000);
  });

  test("that comes up later ends when it does", async () => {
    await using run = await open();
    const later = run.side.host.start("sh", ["-c", "sleep 0.7; ip link set eth0 up"]);
    const took = await timed(() => run.apply(awaitUp));
    expect(sh("ip -brief link show v0")).toMatch(/ UP /);
    expect(took).toBeGreaterThan(300);
    expect(took).toBeLessThan(4_900);
    await later.finished;
  });

  test("of the container's place waits there", async () => {
    await using run = await open();
    await run.side.sh("ip link set eth0 up");
    const applied = await run.apply({ do: "link.await-up", place: "container", link: "eth0" });
    expect(applied.link("container", "eth0")?.isOperational).toBe(true);
  });

  test("sends the steps before it first", async () => {
    await using run = await open();
    await run.apply({ do: "link.set", place: "container", link: "eth0", up: true }, awaitUp);
    expect(sh("ip -brief link show v0")).toMatch(/ UP /);
  });

  test("that never comes up fails after 5 s, whatever happens to others", async () => {
    await using run = await open();
    const others = run.side.host.start("sh", [
      "-c",
      "for i in $(seq 30); do ip link add b$i type bridge; ip link delete b$i; sleep 0.1; done",
    ]);
    const took = await timed(() =>
      expect(run.apply(awaitUp)).rejects.toThrow("wait for link v0 to be up and running: ETIMEDOUT"),
    );
    expect(took).toBeGreaterThanOrEqual(4_900);
    expect(took).toBeLessThan(10_000);
    await others.finished;
  });

  test("that is deleted meanwhile fails at once", async () => {
    await using run = await open();
    const later = run.side.host.start("sh", ["-c", "sleep 0.5; ip link delete eth0"]);
    const took = await timed(() => expect(run.apply(awaitUp)).rejects.toThrow("find link v0: ENODEV"));
    expect(took).toBeLessThan(4_900);
    await later.finished;
  });

  test("ends when we are interrupted", async () => {
    await using run = await open();
    let signals = 0;
    const handler = () => {
      signals++;
    };
    process.on("SIGUSR2", handler);
    run.checkInterrupt = async () => {
      // handlers run when we give way
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (signals > 0) throw new Error("interrupted");
    };
    const later = run.side.host.start("sh", ["-c", `sleep 0.5; kill -USR2 ${process.pid}`]);
    const took = await timed(() => expect(run.apply(awaitUp)).rejects.toThrow("interrupted"));
    expect(took).toBeLessThan(4_900);
    await later.finished;
    process.off("SIGUSR2", handler);
  });

  test("leaves nothing open", async () => {
    await using run = await open();
    // both places have their sockets from here on
    await run.apply({ do: "link.set", place: "container", link: "eth0", up: false });
    const before = openFiles();
    const later = run.side.host.start("sh", ["-c", "sleep 0.3; ip link set eth0 up"]);
    await run.apply(awaitUp);
    await later.finished;
    await expect.poll(openFiles).toBe(before);
  });
});
