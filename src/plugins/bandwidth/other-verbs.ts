import { apply } from "../../kernel/apply.ts";
import { listLinks } from "../../kernel/netlink/link.ts";
import { openNetns } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import type { Link } from "../../plan/facts.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { CheckCall, GcCall, StatusCall, Surroundings } from "../../protocol/plugin.ts";
import { aliasOf } from "../alias.ts";
import { resultBefore } from "../result-before.ts";
import { decodeConfig } from "./config.ts";
import { observeIfb, observeIngress, observeShaped } from "./observe.ts";
import { differences, planRemoval } from "./plan.ts";
import { hasLimits, namesOf, needShaped } from "./plugin.ts";

/** Errors: 999 with every limit that is not as ADD left it. */
export async function check(call: CheckCall): Promise<void> {
  const config = decodeConfig(call.network);
  const result = resultBefore(call.network, "bandwidth");
  if (!hasLimits(config)) return;
  using container = openNetns(call.netns);
  using places = new Places(container);
  const shaped = needShaped(observeShaped(places, call.ifname), call.ifname, result);
  const problems = differences(config, shaped, observeIfb(places, namesOf(call)));
  if (problems.length > 0) throw new CniError(ErrorCode.Internal, problems.join("; "));
}

/** Errors: those of the configuration. */
export async function status({ network }: StatusCall): Promise<void> {
  decodeConfig(network);
}

/** Devices of containers that are not valid, and that nothing leads to any more. Those of the Go plugin do not say whose they are. */
export async function gc({ network, validAttachments }: GcCall, around: Surroundings): Promise<void> {
  using places = new Places(undefined);
  const valid = validAttachments.map((attachment) => aliasOf(network.name, attachment));
  const links = listLinks(places.at("host").socket);
  const isOurs = ({ kind, name, alias = "" }: Link) =>
    kind === "ifb" && name.startsWith("bwp") && alias.startsWith(`${network.name}/`) && !valid.includes(alias);
  const candidates = links.filter(isOurs);
  const used =
    candidates.length === 0
      ? []
      : links.flatMap((link) => observeIngress(places.at("host").socket, link)?.redirects ?? []);
  for (const link of candidates.filter(({ index }) => !used.includes(index))) {
    await apply(planRemoval(undefined, { name: link.name, link, root: undefined }), {
      ...around,
      places,
      record: () => {},
    });
    around.log(`GC: removed ${link.name}, which limited ${link.alias}`);
  }
}
