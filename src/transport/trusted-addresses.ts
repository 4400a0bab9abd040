/** Which peers may state another address than their own: a list of networks in CIDR notation. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { BrokerError } from '../errors/errors.js';

/** Whether an address, as a socket gives it, is on the list. */
export type AddressMatcher = (address: string | undefined) => boolean;

/**
 * Matches `10.0.0.0/8`, `192.0.2.1`, `2001:db8::/32` and the like. An IPv4 network also matches the
 * mapped form that a dual-stack socket gives, `::ffff:10.0.0.1`.
 * @throws BrokerError `ODN_ERR_OPTION`
 */
export function trustedAddresses(networks: readonly string[]): AddressMatcher {
  const list = new BlockList();
  for (const network of networks) addNetwork(list, network);
  return (address) => {
    if (address === undefined) return false;
    const [plain = ''] = address.split('%'); // the zone of a link-local address
    if (isIPv4(plain)) return list.check(plain, 'ipv4');
    return isIPv6(plain) && list.check(plain, 'ipv6');
  };
}

function addNetwork(list: BlockList, network: string): void {
  const [address = '', prefix, ...rest] = network.split('/');
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
  const bits = family === 'ipv4' ? 32 : 128;
  const isLegal = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  if (family === undefined || !isLegal || rest.length > 0) {
    throw new BrokerError('ODN_ERR_OPTION', `"${network}" is neither an IP address nor a network such as 10.0.0.0/8`);
  }
  if (prefix === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(prefix), family);
}
