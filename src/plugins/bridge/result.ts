import type { Applied } from "../../kernel/apply.ts";
import type { Places } from "../../kernel/places.ts";
import type { Place } from "../../plan/facts.ts";
import type { AddCall } from "../../protocol/plugin.ts";
import type { ResultInterface } from "../../protocol/result.ts";
import type { BridgeConfig } from "./config.ts";
import type { Names } from "./plan.ts";

/** The bridge, the host's end of the veth, the container's: as they are now, or were when they were made. */
export function interfacesOf(
  { bridge }: BridgeConfig,
  { ifname, netns }: AddCall,
  { names, places, applied }: { readonly names: Names; readonly places: Places; readonly applied?: Applied },
): readonly ResultInterface[] {
  const macOf = (place: Place, name: string) => (applied?.link(place, name) ?? places.findLink(place, name))?.mac;
  return [
    // looked up anew: it may have taken the address of its new port, and may be one that somebody else made meanwhile
    { name: bridge, mac: places.findLink("host", bridge)?.mac },
    { name: names.hostVeth, mac: macOf("host", names.hostVeth) },
    { name: ifname, mac: macOf("container", ifname), sandbox: netns },
  ];
}
