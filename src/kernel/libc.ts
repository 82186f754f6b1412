// The system calls and library functions that Node.js has not. Constants are those of the Linux headers for x86-64 and AArch64.
import { KernelError } from "./kernel-error.ts";
import { addressOf, call, checked, errno, libc } from "./system-call.ts";

const AF_NETLINK = 16;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_NETNS_COOKIE = 71;
const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_V6ONLY = 26;
const SOL_NETLINK = 270;
const CLONE_NEWNET = 0x40000000;
const LOCK = { shared: 1, exclusive: 2 } as const;
const LOCK_NB = 4;
/** linux/nsfs.h */
const NS_GET_NSTYPE = 0xb703;
const O_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;
const POLLIN = 1;
const SIOCGIFINDEX = 0x8933;
const IFREQ_SIZE = 40;
/** struct pollfd: the descriptor, what is asked at 4, what is so at 6. */
const POLLFD_SIZE = 8;
export const SIGKILL = 9;
export const SIGTERM = 15;
const SIGPIPE = 13;
const POSIX_SPAWN_SETSIGDEF = 4;

interface InetSocket {
  readonly isIpv6: boolean;
  readonly isStream: boolean;
  readonly protocol: number;
  /** SO_REUSEADDR */
  readonly reuse: boolean;
}

/** Ends the process at once: no exit handlers, no tearing down of the runtime, which takes longer than most verbs. */
export function exitNow(code: number): void {
  call("exit_group", code);
}

/** What is written to it goes to the kernel. A read does not wait: EAGAIN when there is nothing. */
export function netlinkSocket(protocol: number): number {
  return checked("socket", AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

/** The same, which child processes have open, too. */
export function inheritedNetlinkSocket(protocol: number): number {
  return checked("socket", AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, protocol);
}

/** ICMPv6 messages that are written to it go from one address to another on a link, with the hop limit 255; the kernel adds the checksum. */
export function icmpv6Socket({ from, to, link }: { from: Uint8Array; to: Uint8Array; link: number }): number {
  const fd = checked("socket", AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  const hops = Buffer.of(255, 0, 0, 0);
  checked("setsockopt", fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops, hops.length);
  bindInet(fd, from, 0);
  const address = inetAddress(to, 0);
  address.writeUInt32LE(link, 24);
  checked("connect", fd, address, address.length);
  return fd;
}

/** A socket of an internet protocol, IPPROTO_*. */
export function inetSocket({ isIpv6, isStream, protocol, reuse }: InetSocket): number {
  const type = (isStream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
  const fd = checked("socket", isIpv6 ? AF_INET6 : AF_INET, type, protocol);
  const on = Buffer.of(1, 0, 0, 0);
  if (reuse) call("setsockopt", fd, SOL_SOCKET, SO_REUSEADDR, on, on.length);
  if (isIpv6) call("setsockopt", fd, IPPROTO_IPV6, IPV6_V6ONLY, on, on.length);
  return fd;
}

/** Binds it to an address of 4 or 16 bytes and a port. */
export function bindInet(fd: number, address: Uint8Array, port: number): void {
  const bytes = inetAddress(address, port);
  checked("bind", fd, bytes, bytes.length);
}

/** struct sockaddr_in or sockaddr_in6 */
function inetAddress(address: Uint8Array, port: number): Buffer {
  const isIpv6 = address.length === 16;
  const bytes = Buffer.alloc(isIpv6 ? 28 : 16);
  bytes.writeUInt16LE(isIpv6 ? AF_INET6 : AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address, isIpv6 ? 8 : 4);
  return bytes;
}

/** Whether there is one of that name is not told. */
export function askForInterface(socket: number, name: string): void {
  const request = Buffer.alloc(IFREQ_SIZE);
  request.write(name);
  call("ioctl", socket, SIOCGIFINDEX, request);
}

/** From now on it also gets the messages of a multicast group: RTNLGRP_* of linux/rtnetlink.h. */
export function joinNetlinkGroup(fd: number, group: number): void {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(1 << (group - 1), 8);
  checked("bind", fd, address, address.length);
}

export function setNetlinkOption(fd: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  checked("setsockopt", fd, SOL_NETLINK, option, bytes, bytes.length);
}

/** A number that no other network namespace has until the next boot; undefined before Linux 5.14. */
export function netnsCookie(socket: number): bigint | undefined {
  const [cookie, size] = [Buffer.alloc(8), Buffer.of(8, 0, 0, 0)];
  const known = call("getsockopt", socket, SOL_SOCKET, SO_NETNS_COOKIE, cookie, size) === 0;
  return known ? cookie.readBigUInt64LE() : undefined;
}

/**
 * Waits until one of the descriptors has something to read, or its other end is closed; returns those. None after the time, and
 * sooner when a signal came, whatever its handler says. Without end when the time is negative.
 */
export function waitReadable(fds: readonly number[], milliseconds: number): readonly number[] {
  const entries = Buffer.alloc(fds.length * POLLFD_SIZE);
  fds.forEach((fd, i) => {
    entries.writeInt32LE(fd, i * POLLFD_SIZE);
    entries.writeInt16LE(POLLIN, i * POLLFD_SIZE + 4);
  });
  const count = call("ppoll", entries, fds.length, milliseconds < 0 ? 0 : timespec(milliseconds), 0, 0);
  if (count < 0 && errno() === 4) return [];
  if (count < 0) throw new KernelError("ppoll", errno());
  return fds.filter((_, i) => entries.readInt16LE(i * POLLFD_SIZE + 6) !== 0);
}

/** Moves this thread, and no other, into a network namespace. */
export function enterNetns(fd: number): void {
  checked("setns", fd, CLONE_NEWNET);
}

/** False for a namespace of another kind, and for what is no namespace. */
export function isNetns(fd: number): boolean {
  return call("ioctl", fd, NS_GET_NSTYPE) === CLONE_NEWNET;
}

/** Equivalent to: `flock --nonblock`; false when another process holds the lock. */
export function tryLock(fd: number, kind: keyof typeof LOCK): boolean {
  if (call("flock", fd, LOCK[kind] | LOCK_NB) === 0) return true;
  if (errno() === 11) return false;
  throw new KernelError("flock", errno());
}

/** A file without a name, for what a child process reads. */
export function anonymousFile(name: string): number {
  return checked("memfd_create", cString(name), MFD_CLOEXEC);
}

/** For what a child process writes. */
export function pipe(): { readonly read: number; readonly write: number } {
  const fds = Buffer.alloc(8);
  checked("pipe2", fds, O_CLOEXEC);
  return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
}

/** Starts a process with the three descriptors as its stdin, stdout and stderr. `argv` includes the name of the program. */
export function spawn(file: string, argv: readonly string[], env: readonly string[], stdio: readonly number[]): number {
  // all zero is what posix_spawn_file_actions_init makes it; the little that is added is never freed
  const actions = Buffer.alloc(80);
  stdio.forEach((fd, i) => {
    libc.posix_spawn_file_actions_adddup2(actions, fd, i);
  });
  const pid = Buffer.alloc(4);
  const number = libc.posix_spawn(pid, cString(file), actions, sigpipeToDefault(), stringList(argv), stringList(env));
  if (number !== 0) throw new KernelError(`start ${file}`, number);
  return pid.readInt32LE();
}

/** A descriptor that becomes readable when the process ends. */
export function pidfd(pid: number): number {
  return checked("pidfd_open", pid, 0);
}

/** Nothing happens when the process has ended. */
export function signalProcess(pidfd: number, signal: number): void {
  call("pidfd_send_signal", pidfd, signal, 0, 0);
}

/** The wait status of a process that has ended. */
export function reap(pid: number): number {
  const status = Buffer.alloc(4);
  checked("wait4", pid, status, 0, 0);
  return status.readInt32LE();
}

/** The array of pointers that ends with NULL, of argv and envp, and the strings behind it, in one piece of memory. */
function stringList(strings: readonly string[]): Buffer {
  const texts = strings.map(cString);
  const start = (texts.length + 1) * 8;
  const list = Buffer.alloc(start + texts.reduce((size, text) => size + text.length, 0));
  const address = addressOf(list);
  let at = start;
  texts.forEach((text, i) => {
    text.copy(list, at);
    list.writeBigUInt64LE(address + BigInt(at), i * 8);
    at += text.length;
  });
  return list;
}

/** A posix_spawnattr_t: Node.js ignores SIGPIPE, which a child would inherit. Flags at 0, the signals to reset at 8. */
function sigpipeToDefault(): Buffer {
  const attributes = Buffer.alloc(336);
  attributes.writeInt16LE(POSIX_SPAWN_SETSIGDEF, 0);
  attributes.writeUInt32LE(1 << (SIGPIPE - 1), 8);
  return attributes;
}

/** In hexadecimal. node:crypto takes 15 ms to load, and OpenSSL's one-call functions first load its providers. */
export function sha512(text: string): string {
  const [context, digest, bytes] = [Buffer.alloc(256), Buffer.alloc(64), Buffer.from(text)];
  libc.SHA512_Init(context);
  libc.SHA512_Update(context, bytes, BigInt(bytes.length));
  libc.SHA512_Final(digest, context);
  return digest.toString("hex");
}

/** struct timespec */
function timespec(milliseconds: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(BigInt(Math.floor(milliseconds / 1000)), 0);
  bytes.writeBigInt64LE(BigInt(milliseconds % 1000) * 1_000_000n, 8);
  return bytes;
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}
