CREATE TABLE department (id INTEGER PRIMARY KEY, name TEXT, budget REAL);
CREATE TABLE employee (
    id INTEGER PRIMARY KEY, name TEXT, salary REAL, hire_date DATE, birth_date DATE, is_active INTEGER,
    manager_id INTEGER REFERENCES employee(id), department_id INTEGER REFERENCES department(id), gender TEXT);
CREATE TABLE customer (
    id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, city TEXT, country TEXT, subscribed TEXT);
CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price REAL, category TEXT, vegan TEXT);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer(id), order_date TIMESTAMP, status TEXT,
    shipped_at TIMESTAMP);
CREATE TABLE order_item (
    order_id INTEGER REFERENCES orders(id), product_id INTEGER REFERENCES product(id), quantity INTEGER,
    unit_price REAL);
CREATE TABLE invoice (
    id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders(id), amount REAL, is_paid INTEGER, due_date DATE);
INSERT INTO department VALUES (1, 'IT', 100), (2, 'Marketing', 200), (3, 'Sales', 1);
INSERT INTO employee VALUES
    (1, 'Ann Lee', 5, '2020-01-01', '1980-02-02', 1, NULL, 1, 'F'),
    (2, 'Bob', 5, '2021-01-01', '1990-02-02', 0, 1, 2, 'M');
INSERT INTO customer VALUES
    (1, 'Ann', 'Lee', 'São Paulo', 'Brazil', 'Y'), (2, 'Jim', 'Roe', 'Paris', 'France', 'N');
INSERT INTO product VALUES (1, 'Chair', 5, 'Furniture', 'N'), (2, 'Soup', 3, 'Food', 'Y');
INSERT INTO orders VALUES
    (1, 1, '2022-04-01 10:00:00', 'cancelled', NULL), (2, 2, '2022-05-01 10:00:00', 'shipped', '2022-05-04');
INSERT INTO order_item VALUES (1, 1, 2, 5), (2, 2, 3, 3);
INSERT INTO invoice VALUES (1, 1, 10, 0, '2022-06-01'), (2, 2, 20, 1, '2023-06-01');
