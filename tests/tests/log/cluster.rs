//! The log on three nats-servers: what holds when its leader is killed, or cut off from the others.

mod cut_off;
mod killed;
mod measured;
mod moved;
