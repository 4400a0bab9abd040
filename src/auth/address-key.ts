/** Under what an address is counted: an IPv4 address by itself, an IPv6 address with its /64, which one host can have whole. */
import { isIPv4, isIPv6 } from 'node:net';

/** `192.0.2.1`, `2001:db8:0:1::/64`; an address that was not told, or is none, is counted as it stands. */
export function addressKey(address: string | undefined): string {
  const [plain = ''] = (address ?? '').split('%'); // the zone of a link-local address
  if (!isIPv6(plain)) return plain;
  const embedded = plain.slice(plain.lastIndexOf(':') + 1);
  const groups = groupsOf(isIPv4(embedded) ? plain.slice(0, -embedded.length) + hexOf(embedded) : plain);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [groups[6], groups[7]].flatMap((group = 0) => [group >> 8, group & 0xff]).join('.');
  return `${groups.slice(0, 4).map((group) => group.toString(16)).join(':')}::/64`;
}

const hexOf = (ipv4: string): string => {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
};

/** The eight groups of a legal IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const numbers = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [left, right] = [numbers(head), numbers(tail ?? '')];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}
