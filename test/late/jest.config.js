import { late } from '../../jest.config.js';

export default { ...late, maxWorkers: '100%' };
