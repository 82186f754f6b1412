import { isUnicastMac, type Mac } from "../../net/mac.ts";
import { sysctlKey, sysctlProblem } from "../../net/sysctl-key.ts";
import type { LinkSettings } from "../../plan/step.ts";
import { boolean, decode, entriesOf, integer, lenient, parsed, string, struct } from "../../protocol/decode.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { Network } from "../../protocol/plugin.ts";
import { mac, macOfArgs } from "../mac-field.ts";
import { checkMtu } from "../mtu.ts";

export interface Sysctl {
  /** As it is written: what the list of allowed ones is about. */
  readonly name: string;
  /** The file below /proc/sys. */
  readonly key: string;
  readonly value: string;
}

export interface TuningConfig {
  readonly dataDir: string;
  /** In the order in which they are set. */
  readonly sysctls: readonly Sysctl[];
  /** Of the container's interface; empty when it stays as it is. */
  readonly link: LinkSettings;
}

const defaultDataDir = "/run/cni/tuning";
const LARGEST_U32 = 0xffff_ffff;

const path = parsed((text) => (text.includes("\0") ? undefined : text), "a path");

const settings = () => ({
  sysctl: entriesOf(string),
  mac,
  promisc: boolean,
  mtu: integer,
  txQLen: integer,
  allmulti: boolean,
});

const fields = () =>
  struct({
    ...settings(),
    dataDir: path,
    runtimeConfig: struct({ mac }),
    args: struct({ cni: struct(settings()) }),
  });

type Fields = ReturnType<ReturnType<typeof fields>>;

/** For ADD, CHECK and STATUS. Errors: 4 for CNI_ARGS, 6 and 7 for the configuration. */
export function decodeConfig(network: Network, cniArgs: string, ifname: string): TuningConfig {
  const written = decode(fields(), network.document, "tuning");
  return {
    dataDir: checkDataDir(dataDirOf(written.dataDir)),
    sysctls: sysctlsOf(written, ifname),
    link: linkSettings(written, macOfArgs(cniArgs)),
  };
}

/** For DEL and GC, which need to know no more. */
export function decodeDataDir(network: Network): string {
  return dataDirOf(decode(struct({ dataDir: lenient(path) }), network.document, "tuning").dataDir);
}

/** A relative one would be below wherever the runtime happens to be. */
function checkDataDir(dataDir: string): string {
  if (dataDir.startsWith("/")) return dataDir;
  throw invalid(`dataDir ${JSON.stringify(dataDir)} is not an absolute path`);
}

function dataDirOf(written: string | undefined): string {
  return written === undefined || written === "" ? defaultDataDir : written;
}

/** What `args` has comes before what is written in the file, each setting by itself. */
function linkSettings(written: Fields, macInArgs: Mac | undefined): LinkSettings {
  const { mac: macOfFile, runtimeConfig, args } = written;
  const cni = args?.cni;
  const settled = {
    mac: checkMac(cni?.mac ?? runtimeConfig?.mac ?? macInArgs ?? macOfFile),
    mtu: checkMtu(cni?.mtu ?? written.mtu ?? 0, "tuning"),
    txqlen: checkQueue(cni?.txQLen ?? written.txQLen),
    // it is not switched off: others may have switched it on
    promisc: (cni?.promisc ?? written.promisc) === true ? true : undefined,
    allmulti: cni?.allmulti ?? written.allmulti,
  };
  return Object.fromEntries(Object.entries(settled).filter(([, value]) => value !== undefined));
}

function sysctlsOf({ sysctl = [], args }: Fields, ifname: string): readonly Sysctl[] {
  const ofFile = checkSysctls(sysctl, ifname);
  const ofArgs = checkSysctls(args?.cni?.sysctl ?? [], ifname);
  const others = ofFile.filter(({ key }) => !ofArgs.some((other) => other.key === key));
  return [...others, ...ofArgs];
}

function checkSysctls(written: readonly (readonly [string, string])[], ifname: string): readonly Sysctl[] {
  const sysctls = written.map(([name, value]) => ({ name, key: sysctlKey(name, ifname), value }));
  for (const { name, key } of sysctls) {
    const problem = sysctlProblem(key);
    if (problem !== undefined) throw invalid(`sysctl ${JSON.stringify(name)} cannot be set: ${problem}`);
    const same = sysctls.filter((other) => other.key === key);
    if (same.length > 1)
      throw invalid(`sysctl ${same.map((each) => JSON.stringify(each.name)).join(" and ")} are one setting`);
  }
  return sysctls;
}

function checkMac(written: Mac | undefined): Mac | undefined {
  if (written === undefined || isUnicastMac(written)) return written;
  throw invalid(`mac ${written} is not an address that an interface can have: it is a group's, or none`);
}

function checkQueue(txQLen: number | undefined): number | undefined {
  if (txQLen === undefined || (txQLen >= 0 && txQLen <= LARGEST_U32)) return txQLen;
  throw invalid(`txQLen ${txQLen} is not between 0 and ${LARGEST_U32}`);
}

function invalid(problem: string): CniError {
  return new CniError(ErrorCode.InvalidConfig, `tuning: ${problem}`);
}
