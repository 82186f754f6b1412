// What the scenarios did, and how long the plugins took in them, one line each.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PluginSet } from "./machine.ts";

const directory = "dist/e2e";

/** One playing. */
export interface Played {
  readonly calls: number;
  /** Calls to VERSION among them. */
  readonly versions: number;
  readonly pluginMilliseconds: number;
  /** The same by what was called, such as "bridge ADD". */
  readonly by: Readonly<Record<string, number>>;
  readonly milliseconds: number;
  /** What was there afterwards that had not been before. */
  readonly left: readonly string[];
}

export interface Report {
  readonly name: string;
  readonly does: string;
  readonly played: Readonly<Partial<Record<PluginSet, Played>>>;
}

export function writeReport(report: Report): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${report.name.replaceAll(/\W+/g, "-")}.json`), JSON.stringify(report, undefined, 2));
}

export function removeReports(): void {
  rmSync(directory, { recursive: true, force: true });
}

export function printReports(): void {
  if (!existsSync(directory)) return;
  for (const file of readdirSync(directory)) {
    console.log(`> ${lineOf(JSON.parse(readFileSync(join(directory, file), "utf8")) as Report)}`);
  }
}

function lineOf({ name, does, played: { ours, reference } }: Report): string {
  if (ours === undefined || reference === undefined) return `${name}: ${does}: failed`;
  const ratio = (ours.milliseconds / reference.milliseconds).toFixed(2);
  return `${name}: ${does}: ${timesOf(ours)}; with the Go plugins ${timesOf(reference)}${leftBy(reference)}: ${ratio} of their time`;
}

function timesOf({ calls, versions, pluginMilliseconds, milliseconds }: Played): string {
  const asked = versions === 0 ? "" : `, ${versions} of them VERSION`;
  return `${seconds(pluginMilliseconds)} in the plugins (${calls} calls${asked}) of ${seconds(milliseconds)}`;
}

function leftBy({ left }: Played): string {
  return left.length === 0
    ? ""
    : `, which leave ${new Set(left.map((line) => line.replace(/^[^:]+: /, ""))).size} things behind`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
