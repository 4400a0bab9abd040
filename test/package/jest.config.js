import { suite } from '../../jest.config.js';

export default suite('package', 300_000); // installs from the registry
