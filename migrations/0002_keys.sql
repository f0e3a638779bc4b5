-- The unique rules and the twenty foreign keys.
--
-- They stand apart from the tables because rows written by other programs may already break them. Adoption goes through
-- them one by one, leaves out those that cannot hold, and then marks this migration as done.
--
-- The keys have no actions: nothing here is ever deleted or renamed behind the back of what refers to it.

-- Five keys point at it, though the table has no primary key. NULL remains possible; the data report counts it.
alter table public.bookings
    add constraint bookings_booking_id_key unique (booking_id);

alter table public.therapists
    add constraint therapists_therapist_id_key unique (therapist_id);

alter table public.therapist_dashboard_stats
    add constraint therapist_dashboard_stats_therapist_id_key unique (therapist_id);

-- People do not remember in which letter case they signed up.
create unique index users_username_key on public.users (lower(username));

alter table public.users
    add constraint users_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.bookings
    add constraint bookings_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.therapist_dashboard_stats
    add constraint therapist_dashboard_stats_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.therapist_clients_summary
    add constraint therapist_clients_summary_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.therapist_appointments_cache
    add constraint therapist_appointments_cache_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.all_clients_table
    add constraint all_clients_table_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.appointment_table
    add constraint appointment_table_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.client_transfer_history
    add constraint client_transfer_history_from_therapist_id_fkey
    foreign key (from_therapist_id) references public.therapists (therapist_id);

alter table public.client_transfer_history
    add constraint client_transfer_history_to_therapist_id_fkey
    foreign key (to_therapist_id) references public.therapists (therapist_id);

alter table public.client_additional_notes
    add constraint client_additional_notes_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.audit_logs
    add constraint audit_logs_therapist_id_fkey
    foreign key (therapist_id) references public.therapists (therapist_id);

alter table public.client_additional_notes
    add constraint client_additional_notes_booking_id_fkey
    foreign key (booking_id) references public.bookings (booking_id);

alter table public.payments
    add constraint payments_booking_id_fkey
    foreign key (booking_id) references public.bookings (booking_id);

alter table public.refund_cancellation_table
    add constraint refund_cancellation_table_session_id_booking_fkey
    foreign key (session_id) references public.bookings (booking_id);

alter table public.booking_cancelled
    add constraint booking_cancelled_booking_id_fkey
    foreign key (booking_id) references public.bookings (booking_id);

alter table public.client_doc_form
    add constraint client_doc_form_booking_id_fkey
    foreign key (booking_id) references public.bookings (booking_id);

alter table public.notifications
    add constraint notifications_user_id_fkey
    foreign key (user_id) references public.users (id);

alter table public.appointment_table
    add constraint appointment_table_client_id_fkey
    foreign key (client_id) references public.all_clients_table (client_id);

alter table public.refund_cancellation_table
    add constraint refund_cancellation_table_client_id_fkey
    foreign key (client_id) references public.all_clients_table (client_id);

alter table public.refund_cancellation_table
    add constraint refund_cancellation_table_session_id_appointment_fkey
    foreign key (session_id) references public.appointment_table (session_id);
