#!/usr/bin/env node
import { startMonitor } from '../dist/monitor-start.js';

if (!(await startMonitor(process.argv.slice(2)))) await import('../dist/main.js');
