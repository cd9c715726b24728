/** What the command line does with a state directory, whether or not a server runs on it. */
export { examine } from './doctor/doctor.js';
export type { Finding } from './doctor/finding.js';
export { type OpenEventLog, openEventLog } from './events/open-event-log.js';
export type { LogHead, Verification } from './events/verify-events.js';
export { EXPORT_FORMATS, type ExportFormat, exportReceipt } from './receipts/export-receipt.js';
export { ReceiptReader } from './receipts/read-receipt.js';
export type { ReceiptFile, ReceiptHead } from './receipts/receipt-format.js';
export { type ReceiptReport, verifyReceipt } from './receipts/receipt-report.js';
export { type OpenUsers, openUsers } from './users/open-users.js';
export type { UserEntry, UserService } from './users/user-service.js';
