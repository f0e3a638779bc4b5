-- The words of the made-up practice, and how they are drawn.
--
-- Chance is a hash of a topic and a number: the same on every machine and version of PostgreSQL, and a topic added for
-- one thing leaves the others as they were. Each spelling that other programs left behind is in a list here; where few
-- rows have one, they take turns, so that none is missing even in a small practice.

-- A number from 0 to below `below`.
create function pg_temp.lot(topic text, number bigint, below bigint) returns integer
    language sql immutable
    return ((hashtextextended(topic, number) & 9223372036854775807) % below)::integer;

-- A full second from `first` on and before `last`.
create function pg_temp.between(topic text, number bigint, first timestamp, last timestamp) returns timestamp
    language sql immutable
    return first + interval '1 second'
        * pg_temp.lot(topic, number, greatest(1, extract(epoch from last - first)::bigint));

-- 16 hexadecimal digits.
create function pg_temp.token(topic text, number bigint) returns text
    language sql immutable
    return lpad(to_hex(hashtextextended(topic, number)), 16, '0');

create function pg_temp.words(list text) returns text[]
    language sql immutable
    return case list
        when 'women' then string_to_array('Asha Meera Kavya Ananya Priya Nandini Lakshmi Ishita Ritu Sanya Divya Pooja '
            'Shreya Tara Zoya Farah Gauri Hema Indira Jaya Kiran Leela Madhuri Neha Ojasvi Pallavi Radha Sunita Tanvi '
            'Uma Vidya Yamini Aditi Bhavna Chitra Deepa Esha Fatima Geetha Harini', ' ')
        when 'men' then string_to_array('Arjun Rohan Vikram Karthik Aditya Sameer Imran Joseph Manoj Nikhil Rahul '
            'Suresh Tarun Varun Yash Amit Bharat Chetan Dev Eshan Farhan Gautam Harsh Ishaan Jatin Kunal Lokesh Mohan '
            'Naveen Omkar Pranav Ravi Sanjay Tejas Uday Vivek Wasim Abhay Balaji Cyrus', ' ')
        when 'surnames' then string_to_array('Rao Sharma Iyer Nair Menon Patel Shah Mehta Gupta Singh Kaur Reddy Naidu '
            'Pillai Das Sen Bose Ghosh Banerjee Joshi Kulkarni Deshpande Patil Chavan Khan Ansari Shaikh Fernandes '
            'Dsouza Thomas George Mathew Varghese Krishnan Subramanian Raman Hegde Shetty Gowda Bhat Mishra Tiwari '
            'Pandey Verma Chauhan Malhotra Kapoor Bhatia Barua Sangma', ' ')
        -- Names that programs stumble over.
        when 'unusual' then array[
            'आशा शर्मा', 'मीरा जोशी', 'ऋषि कुमार त्रिपाठी', 'கவிதா சுப்ரமணியன்', 'அருண் குமார்', 'Riya 🌸 Sen',
            'Dev 👨‍👩‍👧 Kapoor', 'সুমিতা ঘোষ', 'O''Neil D''Souza', '  Spaced   Out  ', 'Anu "Annie" K. \ Paul',
            'Venkata Narasimha Rajuvaripeta Lakshmi Satyanarayana Subrahmanya Sastry Chakravarthula Ramachandra Murthy '
            'of the Household of Kondapalli and Machilipatnam',
            'Thiruvananthapuram Padmanabhaswamy Sreekumaran Thampi Neelakantan Unnikrishnan Namboothiripad '
            'Bhattathirippadu, daughter of Savithri Antharjanam and elder sister of Parameswaran, called Ammu',
            'Ó Süßkind-Ångström Nair']
        when 'cities' then string_to_array('Bengaluru Mumbai Delhi Chennai Pune Hyderabad Kolkata Kochi', ' ')
        -- Zone, country, city.
        when 'abroad' then array[
            'Asia/Dubai|United Arab Emirates|Dubai', 'Asia/Singapore|Singapore|Singapore',
            'Europe/London|United Kingdom|London', 'America/New_York|United States|New York',
            'Asia/Kathmandu|Nepal|Kathmandu', 'Australia/Sydney|Australia|Sydney',
            'America/Los_Angeles|United States|San Francisco']
        when 'relations' then array['Spouse', 'Parent', 'Sibling', 'Friend']
        -- Words with a meaning: as this server writes them, then as other programs did.
        when 'confirmed' then array['confirmed', 'Confirmed', 'CONFIRMED']
        when 'rescheduled' then array['rescheduled', 'Rescheduled', 'RESCHEDULED']
        when 'cancelled' then array['cancelled', 'canceled', 'Cancelled', 'Canceled', 'CANCELLED', 'CANCELED']
        when 'no_show' then array['no_show', 'no show', 'no-show', 'No Show', 'No-Show', 'NO_SHOW']
        when 'completed' then array['completed', 'Completed', 'COMPLETED']
        when 'waiting' then array['waiting', 'Waiting', 'WAITING']
        when 'Pending' then array['Pending', 'pending']
        when 'modes' then array[
            'google_meet', 'google_meet', 'Google Meet', 'in_person', null, 'google_meet', 'phone',
            'In-person (Sample House, 12 Example Road, Indiranagar, Bengaluru)', 'google_meet', 'online', 'in_person',
            'google_meet', 'physical', 'google_meet', 'Online', 'google_meet', 'In-Person (2nd floor, Sample House)',
            'PHONE', 'google_meet', 'Physical']
        -- Null: nothing was started.
        when 'refunds' then array[
            'completed', null, 'processed', 'initiated', 'completed', 'failed', null, 'Processed', 'processing',
            'requested', 'completed', 'Completed', null, 'Initiated', 'completed', 'FAILED', 'COMPLETED', 'Processing',
            'completed', null]
        when 'risks' then array[
            'low', 'moderate', 'None', 'low', null, 'high', 'Low', 'Moderate', 'NONE', 'low',
            'watchful; will call if it gets worse', 'High']
        when 'forms' then array[
            'completed', 'pending', 'Completed', null, 'completed', 'no_show', 'completed', 'no show']
        when 'questions' then array[
            'I would like to talk about stress at work.', 'Trouble sleeping since the move.',
            E'My family suggested that I try therapy.\nI am not sure what to expect.', 'Exam pressure',
            'Looking for help after a loss.', 'रिश्तों के बारे में बात करनी है']
        when 'reasons' then array[
            'Something came up at work', 'Unwell', 'Travelling that week', 'Found another time', 'Therapist unavailable',
            'Family emergency; will book again']
        when 'transfers' then array[
            'Client asked for other hours', 'Therapist on leave', 'Another approach fits better']
        -- Session notes.
        when 'occupations' then array[
            'Software engineer', 'Teacher', 'Student', 'Nurse', 'Designer', 'Home maker', 'Shop owner', 'Accountant']
        when 'marital' then array['Single', 'Married', 'Divorced', 'In a relationship']
        when 'concerns' then array[
            'Pressure at work and long hours; finds it hard to say no.',
            'Frequent arguments with parents about plans for the future.',
            E'Low mood in the mornings, better in company.\nSleep is irregular.',
            'Grief after the death of a grandparent; anniversaries are difficult.',
            'Anxiety before presentations, with a racing heart.',
            'Distance in the marriage since moving to another city.',
            'தூக்கமின்மை; இரவில் அதிகமாக யோசிக்கிறார்.',
            'Feels left out among colleagues; compares herself with others.']
        when 'cues' then array[
            'tight chest', 'shallow breath', 'clenched jaw', 'restless legs', 'tears', '"knot", stomach']
        when 'interventions' then array[
            'Grounding exercise, thought record', 'Psychoeducation on the stress cycle', 'Empty chair',
            'Behavioural activation: a plan for three mornings', 'Guided breathing; body scan',
            'Genogram of three generations']
        when 'helpful' then array[
            'Breathing helped at once.', 'The thought record was hard, worth repeating.', 'Partly.',
            'Yes, felt lighter at the end.']
        when 'participation' then array['Open and engaged', 'Quiet at first, then engaged', 'Tired', 'Guarded']
        when 'progress' then array[
            'Steady', 'Small steps: two walks this week', 'A step back after a difficult weekend',
            'Goal reached; new one agreed']
        when 'values' then array['Family, honesty', 'Independence', 'Learning', 'Kindness, humour']
        when 'plans' then array[
            'Review the thought record.', 'Go on with the timeline; invite the partner if both agree.',
            'Work on sleep hygiene.', 'Look back on the goals of the first month.']
        when 'homework' then array['Sleep diary', 'Write down three good moments a day', 'Practise saying no once', 'None']
        when 'additional' then array[
            'Asked to move to evenings next month.', E'Mentioned a book to bring up again.\nSee last session.',
            'Sent the worksheet after the session.', 'Called to confirm; sounded well.']
    end;

-- One of a list by chance.
create function pg_temp.pick(list text, number bigint) returns text
    language sql immutable
    return (pg_temp.words(list))[1 + pg_temp.lot(list, number, cardinality(pg_temp.words(list)))];

-- The words of a list, one after the other.
create function pg_temp.in_turn(list text, number bigint) returns text
    language sql immutable
    return (pg_temp.words(list))[1 + number % cardinality(pg_temp.words(list))];

-- A word as it is written, at every sixth use in one of its other spellings.
create function pg_temp.spelled(list text, number bigint) returns text
    language sql immutable
    return (pg_temp.words(list))[
        case when number % 6 = 1 then 2 + number / 6 % (cardinality(pg_temp.words(list)) - 1) else 1 end];

-- A time as the audit log has it.
create function pg_temp.ist_text(at timestamp) returns text
    language sql stable
    return to_char(at + interval '5:30', 'Dy, Mon FMDD, YYYY, FMHH12:MI AM "IST"');

-- The time of a session in the client's zone.
create function pg_temp.invitee_time(start_at timestamp, minutes integer, ahead interval) returns text
    language sql stable
    return to_char(start_at + ahead, 'FMDay, Mon FMDD, YYYY "at" FMHH12:MI AM - ')
        || to_char(start_at + ahead + minutes * interval '1 minute', 'FMHH12:MI AM')
        || to_char(greatest(ahead, -ahead), case when ahead < '0' then '" (GMT-"' else '" (GMT+"' end || 'HH24:MI")"');
