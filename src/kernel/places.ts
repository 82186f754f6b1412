import type { Link, Place } from "../plan/facts.ts";
import { findLinks } from "./netlink/link.ts";
import { NetlinkSocket } from "./netlink/socket.ts";
import type { NetNs } from "./netns.ts";

/** One network namespace as a plan sees it: a socket opened inside, and a way in for what has to be done there. */
export interface Territory {
  readonly socket: NetlinkSocket;
  readonly run: NetNs["run"];
}

/** The host's namespace and, where there is one, the container's. Each is entered only when something is to be done in it. */
export class Places {
  readonly #open = new DisposableStack();
  readonly #territories = new Map<Place, Territory>();
  readonly #container: NetNs | undefined;

  constructor(container: NetNs | undefined) {
    this.#container = container;
  }

  at(place: Place): Territory {
    const known = this.#territories.get(place);
    if (known !== undefined) return known;
    const territory = this.#enter(place);
    this.#territories.set(place, territory);
    return territory;
  }

  /** Equivalent to: `ip link show $name` there. */
  findLink(place: Place, name: string): Link | undefined {
    return this.findLinks(place, [name])[0];
  }

  /** Several in one request, in the order of the names. */
  findLinks(place: Place, names: readonly string[]): readonly (Link | undefined)[] {
    return findLinks(this.at(place).socket, names);
  }

  [Symbol.dispose](): void {
    this.#open.dispose();
  }

  /** For a link that is to be born there. */
  get container(): NetNs {
    if (this.#container === undefined) throw new Error("there is no container namespace");
    return this.#container;
  }

  #enter(place: Place): Territory {
    if (place === "host") return { socket: this.#open.use(new NetlinkSocket()), run: (body) => body() };
    const { container } = this;
    return { socket: this.#open.use(container.run(() => new NetlinkSocket())), run: (body) => container.run(body) };
  }
}
