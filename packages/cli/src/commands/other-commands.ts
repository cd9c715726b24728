/** All commands but `server`, in the order in which help shows them. */
import type { Command } from 'commander';
import type { Terminal } from '../terminal.js';
import { addApiCommand } from './api.js';
import { addCancelCommand } from './cancel.js';
import { addCpCommand } from './cp.js';
import { addDoctorCommand } from './doctor.js';
import { addEventsCommand } from './events.js';
import { addForgetCommand } from './forget.js';
import { addGetCommand } from './get.js';
import { addLinksCommand } from './links.js';
import { addLsCommand } from './ls.js';
import { addReceiptCommand } from './receipt.js';
import { addResumeCommand } from './resume.js';
import { addRetryCommand } from './retry.js';
import { addShareCommand } from './share.js';
import { addSuspendCommand } from './suspend.js';
import { addTransfersCommand } from './transfers.js';
import { addUsersCommand } from './users.js';

/** Adds them. */
export const addOtherCommands = (program: Command, terminal: Terminal): void => {
  addCpCommand(program, terminal);
  addShareCommand(program, terminal);
  addLinksCommand(program, terminal);
  addGetCommand(program, terminal);
  addLsCommand(program, terminal);
  addTransfersCommand(program, terminal);
  addSuspendCommand(program, terminal);
  addResumeCommand(program, terminal);
  addRetryCommand(program, terminal);
  addCancelCommand(program, terminal);
  addApiCommand(program, terminal);
  addUsersCommand(program, terminal);
  addEventsCommand(program, terminal);
  addReceiptCommand(program, terminal);
  addForgetCommand(program, terminal);
  addDoctorCommand(program, terminal);
};
