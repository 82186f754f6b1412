// A program of classic BPF for frames of Ethernet: what comes from known machines is let in, and nothing else. Instructions and their numbers
// are those of linux/filter.h and linux/bpf_common.h.
import { type Mac, macToBytes } from "./mac.ts";

/** struct sock_filter */
export interface Instruction {
  readonly code: number;
  /** How many instructions to pass over, if it is so, and if it is not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** BPF_LD | BPF_ABS with BPF_W and BPF_H, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K */
const [LOAD_WORD, LOAD_HALF, JUMP_IF_EQUAL, RETURN] = [0x20, 0x28, 0x15, 0x06];
/** Behind the destination. */
const SOURCE = 6;

/** `verdicts` are what the program returns for frames of the machines, and for others. */
export function sourceFilter(
  macs: readonly Mac[],
  verdicts: { readonly known: number; readonly other: number },
): readonly Instruction[] {
  const known = macs.flatMap((mac) => {
    const bytes = new DataView(Uint8Array.from(macToBytes(mac)).buffer);
    return [
      { code: LOAD_WORD, jt: 0, jf: 0, k: SOURCE + 2 },
      { code: JUMP_IF_EQUAL, jt: 0, jf: 3, k: bytes.getUint32(2) },
      { code: LOAD_HALF, jt: 0, jf: 0, k: SOURCE },
      { code: JUMP_IF_EQUAL, jt: 0, jf: 1, k: bytes.getUint16(0) },
      { code: RETURN, jt: 0, jf: 0, k: verdicts.known },
    ];
  });
  return [...known, { code: RETURN, jt: 0, jf: 0, k: verdicts.other }];
}
