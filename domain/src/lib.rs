//! What may happen: aggregates and commands. Decisions are pure and synchronous. No HTTP, no SQL, no clock of
//! its own.
