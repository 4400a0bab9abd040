import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', aedes: 'src/aedes.ts', auth: 'src/auth.ts', level: 'src/level.ts', testing: 'src/testing/index.ts', cli: 'src/cli.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  dts: {
    entry: { index: 'src/index.ts', aedes: 'src/aedes.ts', auth: 'src/auth.ts', level: 'src/level.ts', testing: 'src/testing/index.ts' },
    compilerOptions: { ignoreDeprecations: '6.0' }, // tsup 8 sets baseUrl, which TypeScript 6 deprecates
  },
  sourcemap: true,
  clean: true,
  splitting: true, // CommonJS too: entry points of one format share their classes
  shims: false,
  treeshake: false,
  esbuildOptions: (options, { format }) => {
    // CommonJS has no `import.meta`; `createRequire` takes either.
    if (format === 'cjs') options.define = { ...options.define, 'import.meta.url': '__filename' };
  },
});
