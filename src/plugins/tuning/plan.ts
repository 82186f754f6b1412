import { isSameSetting, type Spelling } from "../../net/sysctl-key.ts";
import type { Link } from "../../plan/facts.ts";
import type { LinkSettings, Step } from "../../plan/step.ts";
import type { Result } from "../../protocol/result.ts";
import type { Sysctl, TuningConfig } from "./config.ts";

const place = "container";

/** The container as it is. */
export interface TuningFacts {
  /** Undefined when there is none. */
  readonly link: Link | undefined;
  /** Of each setting that is written; undefined when the namespace has none, or it cannot be read. */
  readonly sysctls: ReadonlyMap<string, string | undefined>;
  /** Those that are there: `unset` until they are written, or never to be read. */
  readonly unreadable: ReadonlyMap<string, "unset" | "write-only">;
}

/** What has to be put back. */
export interface Before {
  readonly link: LinkSettings;
  readonly sysctls: ReadonlyMap<string, string>;
}

/** Why it cannot be done, or undefined. */
export function tuningProblem({ sysctls, link }: TuningConfig, facts: TuningFacts, ifname: string): string | undefined {
  const missing = sysctls.find(({ key }) => facts.sysctls.get(key) === undefined && !facts.unreadable.has(key));
  if (missing !== undefined)
    return `sysctl ${JSON.stringify(missing.name)} is not there in the container: it has no /proc/sys/${missing.key}`;
  return Object.keys(link).length > 0 && facts.link === undefined
    ? `the container has no interface ${ifname}`
    : undefined;
}

/** Of what is going to be changed. */
export function beforeOf({ sysctls, link }: TuningConfig, facts: TuningFacts): Before {
  return {
    link: facts.link === undefined ? {} : only(settingsOf(facts.link), link),
    sysctls: new Map(sysctls.flatMap(({ key }) => pairOf(key, facts.sysctls.get(key)))),
  };
}

/** One step for each setting, so that each is taken back by itself. */
export function planAdd({ sysctls, link }: TuningConfig, ifname: string, before: Before): readonly Step[] {
  return [
    ...sysctls.map((sysctl) => setSysctl(sysctl, before)),
    ...Object.keys(link).map((name): Step => {
      const one = { [name]: true };
      return { do: "link.set", place, link: ifname, ...only(link, one), before: only(before.link, one) };
    }),
  ];
}

/** In the other order. Settings of a link that is gone went with it. */
export function planRestore({ link, sysctls }: Before, ifname: string): readonly Step[] {
  const changes = Object.keys(link).map(
    (name): Step => ({ do: "link.set", place, link: ifname, ...only(link, { [name]: true }), tolerate: ["ENODEV"] }),
  );
  const settings = [...sysctls].map(([key, value]): Step => ({ do: "sysctl.set", place, key, value }));
  return [...settings, ...changes].toReversed();
}

/** With the MAC address that the container's interface has now. */
export function tunedResult(result: Result, { link: { mac } }: TuningConfig, ifname: string): Result {
  if (mac === undefined) return result;
  const named = result.interfaces.filter(({ name }) => name === ifname);
  const inside = named.filter(({ sandbox }) => (sandbox ?? "") !== "");
  const changed = inside.length > 0 ? inside : named;
  return { ...result, interfaces: result.interfaces.map((each) => (changed.includes(each) ? { ...each, mac } : each)) };
}

/** What the kernel says of settings that were written in another way than it prints them. */
export function spellings({ sysctls }: TuningConfig, { sysctls: read }: TuningFacts): ReadonlyMap<string, Spelling> {
  return new Map(
    sysctls.flatMap(({ key, value: written }) => {
      const printed = read.get(key);
      const isAsWritten = printed === undefined || isSameSetting(printed, written);
      return isAsWritten ? [] : [[key, { written, printed }] as const];
    }),
  );
}

/** What is not as it was set. */
export function differences(
  { sysctls, link }: TuningConfig,
  { facts, known }: { readonly facts: TuningFacts; readonly known: ReadonlyMap<string, Spelling> },
  ifname: string,
): readonly string[] {
  const settings = sysctls.flatMap((sysctl) => settingProblem(sysctl, facts, known.get(sysctl.key)));
  if (facts.link === undefined) return [...settings, `the container has no interface ${ifname}`];
  const present: Readonly<Record<string, unknown>> = { ...settingsOf(facts.link) };
  const wrong = Object.entries(link).filter(([name, value]) => present[name] !== value);
  return [...settings, ...wrong.map(([name, value]) => `${ifname} has ${name} ${present[name]} instead of ${value}`)];
}

function settingProblem({ name, key, value }: Sysctl, facts: TuningFacts, known: Spelling | undefined): string[] {
  const unreadable = facts.unreadable.get(key);
  if (unreadable === "write-only") return [];
  const present = facts.sysctls.get(key);
  const expected = known?.written === value ? [value, known.printed] : [value];
  if (present !== undefined && expected.some((each) => isSameSetting(present, each))) return [];
  const found = present === undefined ? (unreadable ?? "not there") : JSON.stringify(present);
  return [`sysctl ${name} is ${found} instead of ${JSON.stringify(value)}`];
}

function settingsOf({ mac, mtu, txqlen, isPromiscuous, isAllMulticast }: Link): LinkSettings {
  return { ...(mac === undefined ? {} : { mac }), mtu, txqlen, promisc: isPromiscuous, allmulti: isAllMulticast };
}

function setSysctl({ key, value }: Sysctl, { sysctls }: Before): Step {
  const before = sysctls.get(key);
  return { do: "sysctl.set", place, key, value, ...(before === undefined ? {} : { before }) };
}

/** Those that have the names of the other one. */
function only(all: LinkSettings, names: object): LinkSettings {
  return Object.fromEntries(Object.entries(all).filter(([name]) => name in names));
}

function pairOf(key: string, value: string | undefined): (readonly [string, string])[] {
  return value === undefined ? [] : [[key, value]];
}
