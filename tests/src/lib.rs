//! Servers, clients and faults for the end-to-end tests.
