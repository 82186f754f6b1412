// A scenario is played with our plugins, and with those of the reference beside it: the same engine, the same steps.
import { setTimeout } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { leftovers, lookAround } from "./leftovers.ts";
import { type Machine, onMachine, type PluginSet } from "./machine.ts";
import type { RecordedCall } from "./recorded-calls.ts";
import { type Played, writeReport } from "./report.ts";

/** Of a playing, on a slow machine with much else to do. */
const TIMEOUT = 240_000;

export interface Scenario {
  readonly name: string;
  /** What it does, in one line. */
  readonly does: string;
  /** Why it cannot be played here. */
  readonly missing?: string | undefined;
  readonly play: (machine: Machine, step: Step) => Promise<void>;
  /** What calls may say that fail on purpose. */
  readonly fails?: RegExp;
  /** What may be there afterwards that was not before; see lookAround. */
  readonly kept?: readonly RegExp[];
}

/** Part of a play; at its end nothing of it is left. */
export type Step = (what: string, part: () => Promise<void>) => Promise<void>;

export function scenario(plan: Scenario): void {
  const { name, does, missing } = plan;
  const played: Partial<Record<PluginSet, Played>> = {};
  const title = missing === undefined ? name : `${name} (${missing})`;
  describe.skipIf(missing !== undefined)(title, () => {
    test("with the plugins of the reference", () => measure(plan, "reference", played), TIMEOUT);
    test("with ours; nothing is left", () => measure(plan, "ours", played), TIMEOUT);
    afterAll(() => writeReport({ name, does, played }));
  });
}

async function measure(
  { play, fails, kept = [] }: Scenario,
  set: PluginSet,
  played: Partial<Record<PluginSet, Played>>,
) {
  await onMachine(set, async (machine) => {
    const before = await lookAround(machine.host);
    const left: string[] = [];
    const nothingStays = async (what: string) => {
      const stays = await whatStays(machine, before, kept);
      left.push(...stays.map((line) => `${what}: ${line}`));
      if (set === "ours") expect(stays, what).toEqual([]);
    };
    const start = performance.now();
    let looking = 0;
    await play(machine, async (what, part) => {
      await part();
      const begin = performance.now();
      await nothingStays(what);
      looking += performance.now() - begin;
    });
    const milliseconds = performance.now() - start - looking;
    await nothingStays("in the end");
    const calls = machine.calls();
    played[set] = {
      calls: calls.length,
      versions: calls.filter(({ verb }) => verb === "VERSION").length,
      pluginMilliseconds: sum(calls),
      by: sumBy(calls),
      milliseconds,
      left,
    };
    expect(machine.callsElsewhere()).toEqual([]);
    if (set === "ours") expect(calls.filter((call) => isWrong(call, fails))).toEqual([]);
  });
}

/** A shim, or podman's clean-up, ends a little later than its engine says. */
async function whatStays({ host }: Machine, before: readonly string[], kept: readonly RegExp[]): Promise<string[]> {
  for (let attempt = 0; ; attempt++) {
    const left = leftovers(before, await lookAround(host), kept);
    if (attempt === 20 || !left.some((line) => line.startsWith("process "))) return left;
    await setTimeout(100);
  }
}

function sumBy(calls: readonly RecordedCall[]): Record<string, number> {
  const groups = Object.groupBy(calls, ({ plugin, verb }) => `${plugin} ${verb}`);
  return Object.fromEntries(Object.entries(groups).map(([what, group = []]) => [what, sum(group)]));
}

function sum(calls: readonly RecordedCall[]): number {
  return calls.reduce((total, call) => total + call.milliseconds, 0);
}

/** What a call says is a JSON document or nothing, and it succeeds, unless it is meant to fail. */
function isWrong({ verb, stdout, exitCode }: RecordedCall, fails: RegExp | undefined): boolean {
  const isProtocol = verb === "none" || stdout === "" || isJson(stdout);
  return !isProtocol || (exitCode !== 0 && fails?.test(stdout) !== true);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
