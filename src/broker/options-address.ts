/** Whether a text is an IP address or a network in CIDR notation. Pure: the WHATWG URL parser knows both kinds. */

/** `192.0.2.1`, `2001:db8::1`, `10.0.0.0/8`, `fd00::/8`; no host names, no zones, no short forms of IPv4. */
export function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const addressBits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
  if (addressBits === 0 || more.length > 0) return false;
  return prefix === undefined || (/^(?:0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= addressBits);
}

function isIPv4(text: string): boolean {
  const url = `http://${text}/`;
  // The parser completes short forms, so only what comes out unchanged was complete.
  return /^[\d.]+$/.test(text) && URL.canParse(url) && new URL(url).hostname === text;
}

function isIPv6(text: string): boolean {
  return /^[\da-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`);
}
