/** The package's version, as package.json has it; a test keeps the two equal. @public */
export const version = '0.1.0';
