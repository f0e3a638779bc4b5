-- How messages to clients fare after a service took them, as it tells later: `src/messages/status.rs`.
alter table internal.messages drop constraint messages_state;
alter table internal.messages add constraint messages_state
    check (state in ('waiting', 'sending', 'sent', 'delivered', 'read', 'not_sent', 'failed', 'unclear'));
create index messages_of_service on internal.messages (service_id) where service_id is not null;
alter table internal.inbound_endpoints drop constraint inbound_endpoints_source;
alter table internal.inbound_endpoints add constraint inbound_endpoints_source
    check (source in ('dayschedule', 'razorpay', 'paperform', 'whatsapp', 'generic'));
