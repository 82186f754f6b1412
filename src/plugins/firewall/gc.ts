// Rules for addresses of containers that the runtime does not know any more. Those whose namespace may exist are kept, and those that
// the Go plugin wrote: nothing tells whose they are.
import { judgeNetns } from "../../kernel/netns-record.ts";
import type { GcCall, Surroundings } from "../../protocol/plugin.ts";
import type { FirewallRecord } from "../../state/firewall-record.ts";
import { releaser } from "./plugin.ts";
import { leave } from "./records.ts";

export async function gc({ network, validAttachments }: GcCall, around: Surroundings): Promise<void> {
  const isGone = judgeNetns();
  const isValid = (record: FirewallRecord) =>
    validAttachments.some(({ containerId, ifname }) => containerId === record.containerId && ifname === record.ifname);
  const gone = await leave(
    (record) =>
      record.network === network.name && !isValid(record) && (record.netns === undefined || isGone(record.netns)),
    { release: releaser(around) },
    around,
  );
  for (const { containerId, ifname } of gone)
    around.log(`GC: removed the firewall rules of ${containerId} ${ifname} in ${network.name}`);
}
