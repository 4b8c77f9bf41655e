// Makes build/plugin.wasm of plugin.js and the interface in build/wit.

import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const { component } = await componentize({
    sourcePath: 'plugin.js',
    witPath: 'build/wit',
    worldName: 'plugin',
    // Plugins have no files, no clock, no network and no randomness.
    disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'],
});
await writeFile('build/plugin.wasm', component);
