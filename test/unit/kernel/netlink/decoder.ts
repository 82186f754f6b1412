// A second decoder, written from linux/netlink.h and not from our code, so that a mistake in ours does not hide itself.

/** What the bytes of a message or of a nested attribute are made of. */
export interface Shape {
  /** Size of the fixed part in front of the attributes. */
  readonly fixed: number;
  /** Attributes that are texts, with or without a closing zero. */
  readonly texts?: readonly number[];
  readonly nested?: Readonly<Record<number, Shape>>;
}

export interface Body {
  /** In hexadecimal, as are the attributes that are neither texts nor nested. */
  readonly fixed: string;
  readonly attributes: Readonly<Record<number, string | Body>>;
}

export interface Decoded extends Body {
  readonly type: number;
  readonly flags: number;
}

/** One message. The order of its attributes and the flag on nested ones say nothing, and are left out. */
export function decode(bytes: Uint8Array, shape: Shape): Decoded {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  if (length !== bytes.length) throw new Error(`the message has ${bytes.length} bytes and says ${length}`);
  const body = decodeBody(bytes.subarray(16), shape);
  return { type: view.getUint16(4, true), flags: view.getUint16(6, true), ...body };
}

function decodeBody(bytes: Uint8Array, shape: Shape): Body {
  const attributes: Record<number, string | Body> = {};
  let rest = bytes.subarray(shape.fixed);
  while (rest.length > 0) {
    const length = byte(rest, 0) + 256 * byte(rest, 1);
    const type = (byte(rest, 2) + 256 * byte(rest, 3)) % 0x4000;
    if (length < 4 || length > rest.length) throw new Error(`attribute ${type} says ${length} of ${rest.length} bytes`);
    if (type in attributes) throw new Error(`attribute ${type} is there twice`);
    attributes[type] = decodeValue(rest.subarray(4, length), shape, type);
    rest = rest.subarray(4 * Math.ceil(length / 4));
  }
  return { fixed: hexOf(bytes.subarray(0, shape.fixed)), attributes };
}

function decodeValue(value: Uint8Array, { texts = [], nested = {} }: Shape, type: number): string | Body {
  const inside = nested[type];
  if (inside !== undefined) return decodeBody(value, inside);
  return texts.includes(type) ? new TextDecoder().decode(value).replace(/\0$/, "") : hexOf(value);
}

function byte(bytes: Uint8Array, at: number): number {
  const value = bytes[at];
  if (value === undefined) throw new Error("the bytes end in the middle of an attribute");
  return value;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (value) => value.toString(16).padStart(2, "0")).join("");
}
