/** Every released version of the CNI specification. */
export const everyVersion = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type SpecVersion = (typeof everyVersion)[number];

/** Of a plugin that came with a later one. */
export function versionsFrom(first: SpecVersion): readonly SpecVersion[] {
  return everyVersion.slice(everyVersion.indexOf(first));
}

/** What a configuration without `cniVersion` means: what the library assumes. */
export const unnamedVersion: SpecVersion = "0.1.0";

/** Versions whose results have the same form, so that one may stand where another is expected. */
const families: readonly (readonly SpecVersion[])[] = [
  ["0.1.0", "0.2.0"],
  ["0.3.0", "0.3.1", "0.4.0"],
  ["1.0.0", "1.1.0"],
];

export function isSpecVersion(text: string): text is SpecVersion {
  return (everyVersion as readonly string[]).includes(text);
}

export function sameFamily(a: SpecVersion, b: SpecVersion): boolean {
  return families.some((family) => family.includes(a) && family.includes(b));
}

/** Up to three numbers, missing ones are 0; undefined when the text is no version. */
export function parseVersion(text: string): readonly [number, number, number] | undefined {
  const parts = text.split(".");
  if (parts.length > 3 || parts.some((part) => !/^\d{1,9}$/.test(part))) return undefined;
  const [major, minor, patch] = parts.map(Number);
  return [major ?? 0, minor ?? 0, patch ?? 0];
}

export function isAtLeast(version: readonly number[], least: readonly number[]): boolean {
  for (let i = 0; i < least.length; i++) {
    const difference = (version[i] ?? 0) - (least[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** The answer to VERSION, as the library prints it: one line. */
export function printVersions(versions: readonly SpecVersion[]): string {
  return `${JSON.stringify({ cniVersion: everyVersion.at(-1), supportedVersions: versions })}\n`;
}
