CREATE TABLE staff (
    id INTEGER PRIMARY KEY, full_name TEXT, phone TEXT, role TEXT, hired DATE, smoker TEXT,
    supervisor_id INTEGER REFERENCES staff(id));
CREATE TABLE room (
    id INTEGER PRIMARY KEY, number TEXT, size_class TEXT, private TEXT, renovated INTEGER, beds INTEGER, rate REAL,
    minimum_rate REAL);
CREATE TABLE guest (
    id INTEGER PRIMARY KEY, full_name TEXT, email TEXT, nationality TEXT, birth_date DATE, status TEXT);
CREATE TABLE address (id INTEGER PRIMARY KEY, guest_id INTEGER REFERENCES guest(id), street TEXT, city TEXT);
CREATE TABLE booking (
    id INTEGER PRIMARY KEY, guest_id INTEGER REFERENCES guest(id), room_id INTEGER REFERENCES room(id),
    made_epoch INTEGER, arrival DATE, channel TEXT, confirmed INTEGER, price REAL);
CREATE TABLE facility (id INTEGER PRIMARY KEY, name TEXT, parent_id INTEGER REFERENCES facility(id));
INSERT INTO staff VALUES
    (1, 'Ida Berg', '555-1', 'Manager', '2015-03-01', 'N', NULL), (2, 'Tom Ray', NULL, 'Porter', '2019-07-01', 'Y', 1),
    (3, 'Eve Moss', '555-3', 'Porter', '2021-01-15', 'N', 1);
INSERT INTO room VALUES
    (1, 'A1', 'suite', 'Y', 1, 2, 240, 180), (2, 'A2', 'single', 'N', 0, 1, 80, 90), (3, 'B1', 'family', 'Y', 0, 4, 200, 150);
INSERT INTO guest VALUES
    (1, 'Kim Oh', 'kim@x.org', 'Korean', '1985-05-05', 'active'), (2, 'Leo Paz', '', 'Spanish', '1990-09-09', 'inactive'),
    (3, 'Mia Roth', NULL, 'German', '1971-01-31', 'active');
INSERT INTO address VALUES (1, 1, 'Main Road 1', 'Seoul'), (2, 2, 'Calle Sol 2', 'Madrid');
INSERT INTO booking VALUES
    (1, 1, 1, 1646092800, '2022-03-01', 'web', 1, 480), (2, 1, 2, 1653868800, '2022-05-30', 'phone', 0, 80),
    (3, 2, 3, 1676332800, '2023-02-14', 'web', 1, 600);
INSERT INTO facility VALUES (1, 'Spa', NULL), (2, 'Sauna', 1), (3, 'Hammam', 1), (4, 'Gym', NULL);
