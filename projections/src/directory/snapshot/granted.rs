//! Clients, and what they were granted, in a snapshot.

use std::sync::Arc;

use super::record::{BadRecord, Granted, Record};
use super::{Cut, Loading};

impl Cut {
    pub(super) fn granted_records(&self) -> impl Iterator<Item = Record<'_>> + Send + '_ {
        let entries = &self.granted;
        let clients = entries.clients.iter().map(|entry| Granted::client(entry));
        let approvals = entries.approvals.iter().map(|entry| Granted::approval(entry));
        let consents = entries.consents.iter().map(|entry| Granted::consent(entry));
        let grants = entries.grants.iter().map(|entry| Granted::grant(entry));
        let token_keys = entries.token_keys.iter().map(|entry| Granted::token_key(entry));
        clients.chain(approvals).chain(consents).chain(grants).chain(token_keys).map(Record::Granted)
    }
}

impl Loading {
    pub(super) fn take_granted(&mut self, record: Granted<'_>) -> Result<(), BadRecord> {
        match record {
            Granted::Client(stored) => self.granted.clients.push(Arc::new(stored.entry()?)),
            Granted::Approval(stored) => self.granted.approvals.push(Arc::new(stored.entry())),
            Granted::Consent(stored) => {
                let scopes = self.scopes(&stored.scopes)?;
                self.granted.consents.push(Arc::new(stored.entry(scopes)));
            }
            Granted::Grant(stored) => {
                let scopes = self.scopes(&stored.scopes)?;
                self.granted.grants.push(Arc::new(stored.entry(scopes)?));
            }
            Granted::TokenKey(stored) => self.granted.token_keys.push(Arc::new(stored.entry()?)),
        }
        Ok(())
    }
}
