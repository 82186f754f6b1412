import type { Mac } from "../../net/mac.ts";
import type { Step } from "../../plan/step.ts";
import type { Attachment } from "../../protocol/plugin.ts";
import { aliasOf } from "../alias.ts";
import { planAwaitingDad, planInterface } from "../container-interface.ts";
import type { Addressing } from "./addressing.ts";
import type { MacvlanConfig } from "./config.ts";
import type { Parent } from "./parent.ts";

interface Attaching {
  readonly network: string;
  readonly parent: Parent;
  readonly addressing: Addressing;
  /** Undefined for the kernel's choice. */
  readonly mac: Mac | undefined;
}

/** What belongs to this container. */
export function planAttachment(
  config: MacvlanConfig,
  attachment: Attachment,
  { network, parent, addressing, mac }: Attaching,
): Step[] {
  const { ifname: link } = attachment;
  const { mode, mtu, queueLength, ipamType } = config;
  const place = "container";
  // an interface of mode passthru is born with the parent's
  const isLate = mode === "passthru" && mac !== undefined;
  return [
    {
      do: "link.add-macvlan",
      place,
      macvlan: { name: link, mtu, mode, queueLength, ...(isLate ? {} : { mac }) },
      parent: { place: parent.place, link: parent.name },
    },
    { do: "link.set", place, link, alias: aliasOf(network, attachment), ...(isLate ? { mac } : {}) },
    ...(ipamType === undefined ? [{ do: "link.set", place, link, up: true } satisfies Step] : []),
    ...(ipamType === undefined ? [] : planAddresses(config, link, addressing)),
  ];
}

function planAddresses({ enableDad }: MacvlanConfig, link: string, addressing: Addressing): Step[] {
  const settings = [[`net/ipv6/conf/${link}/ndisc_notify`, "1"]] as const;
  return [
    ...planInterface(link, addressing, { enableDad, settings }),
    ...planAwaitingDad(link, addressing, { enableDad }),
  ];
}
