-- A chain of garden centres with a web shop. Rows are made by garden_centre_rows.py.

CREATE TABLE branch (
  branch_id INTEGER PRIMARY KEY,
  branch_name VARCHAR(40) NOT NULL,
  city VARCHAR(30) NOT NULL,
  opened_on DATE NOT NULL,
  sales_area INTEGER NOT NULL, -- square metres
  has_cafe INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE staff_member (
  staff_id INTEGER PRIMARY KEY,
  full_name VARCHAR(60) NOT NULL,
  job_title VARCHAR(30) NOT NULL, -- branch manager, gardener, cashier, driver, florist, buyer
  branch_id INTEGER REFERENCES branch (branch_id), -- NULL for head office
  hired_on DATE NOT NULL,
  left_on DATE,
  hourly_wage DECIMAL(6, 2) NOT NULL,
  supervisor_id INTEGER REFERENCES staff_member (staff_id)
);

CREATE TABLE product_group (
  group_id INTEGER PRIMARY KEY,
  group_name VARCHAR(30) NOT NULL,
  parent_group_id INTEGER REFERENCES product_group (group_id)
);

CREATE TABLE grower (
  grower_id INTEGER PRIMARY KEY,
  grower_name VARCHAR(50) NOT NULL,
  country VARCHAR(30) NOT NULL,
  organic CHAR(1) NOT NULL, -- Y or N
  partner_since INTEGER -- year
);

CREATE TABLE article (
  article_id INTEGER PRIMARY KEY,
  article_name VARCHAR(60) NOT NULL,
  group_id INTEGER REFERENCES product_group (group_id),
  grower_id INTEGER REFERENCES grower (grower_id),
  sale_price DECIMAL(8, 2) NOT NULL,
  cost_price DECIMAL(8, 2) NOT NULL,
  light_need VARCHAR(10), -- sun, half shade, shade
  winter_hardy CHAR(1), -- Y or N, NULL where it is no plant
  height_cm INTEGER,
  added_on DATE NOT NULL,
  discontinued INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE client (
  client_id INTEGER PRIMARY KEY,
  first_name VARCHAR(30) NOT NULL,
  last_name VARCHAR(30) NOT NULL,
  email VARCHAR(80),
  city VARCHAR(30),
  birth_date VARCHAR(10), -- DD/MM/YYYY
  joined_at TIMESTAMP NOT NULL,
  newsletter INTEGER NOT NULL, -- 1 or 0
  loyalty_points INTEGER NOT NULL,
  invited_by INTEGER REFERENCES client (client_id)
);

CREATE TABLE sale (
  sale_id INTEGER PRIMARY KEY,
  client_id INTEGER REFERENCES client (client_id), -- NULL without a customer card
  branch_id INTEGER REFERENCES branch (branch_id), -- NULL in the web shop
  cashier_id INTEGER REFERENCES staff_member (staff_id),
  sold_at TIMESTAMP NOT NULL,
  payment_type VARCHAR(12) NOT NULL, -- cash, card, invoice, voucher
  channel VARCHAR(8) NOT NULL, -- store or online
  cancelled CHAR(1) NOT NULL -- Y or N
);

CREATE TABLE sale_line (
  sale_id INTEGER NOT NULL REFERENCES sale (sale_id),
  line_number INTEGER NOT NULL,
  article_id INTEGER NOT NULL REFERENCES article (article_id),
  quantity INTEGER NOT NULL,
  price_each DECIMAL(8, 2) NOT NULL,
  PRIMARY KEY (sale_id, line_number)
);

CREATE TABLE delivery (
  delivery_id INTEGER PRIMARY KEY,
  sale_id INTEGER NOT NULL REFERENCES sale (sale_id),
  driver_id INTEGER REFERENCES staff_member (staff_id),
  planned_on DATE NOT NULL,
  delivered_at INTEGER, -- seconds since 1970
  distance_km DECIMAL(5, 1) NOT NULL,
  delivery_fee DECIMAL(6, 2) NOT NULL
);

CREATE TABLE return_slip (
  return_id INTEGER PRIMARY KEY,
  sale_id INTEGER NOT NULL REFERENCES sale (sale_id),
  article_id INTEGER NOT NULL REFERENCES article (article_id),
  returned_on VARCHAR(10) NOT NULL, -- DD/MM/YYYY
  quantity INTEGER NOT NULL,
  refund_amount DECIMAL(8, 2) NOT NULL,
  reason VARCHAR(20), -- wilted, damaged, wrong article, pests, not needed
  restocked CHAR(1) -- Y, N, or NULL while it is not inspected
);

CREATE TABLE branch_stock (
  branch_id INTEGER NOT NULL REFERENCES branch (branch_id),
  article_id INTEGER NOT NULL REFERENCES article (article_id),
  on_hand INTEGER NOT NULL,
  reorder_level INTEGER NOT NULL,
  counted_on DATE,
  PRIMARY KEY (branch_id, article_id)
);

CREATE TABLE grower_order (
  grower_order_id INTEGER PRIMARY KEY,
  grower_id INTEGER NOT NULL REFERENCES grower (grower_id),
  article_id INTEGER NOT NULL REFERENCES article (article_id),
  ordered_on DATE NOT NULL,
  expected_on DATE NOT NULL,
  received_on DATE,
  quantity INTEGER NOT NULL,
  cost_each DECIMAL(8, 2) NOT NULL
);

CREATE TABLE workshop (
  workshop_id INTEGER PRIMARY KEY,
  title VARCHAR(50) NOT NULL,
  branch_id INTEGER NOT NULL REFERENCES branch (branch_id),
  host_id INTEGER NOT NULL REFERENCES staff_member (staff_id),
  held_on DATE NOT NULL,
  seats INTEGER NOT NULL,
  fee DECIMAL(6, 2) NOT NULL
);

CREATE TABLE workshop_booking (
  workshop_id INTEGER NOT NULL REFERENCES workshop (workshop_id),
  client_id INTEGER NOT NULL REFERENCES client (client_id),
  booked_on DATE NOT NULL,
  attended CHAR(1), -- Y, N, or NULL where nobody noted it
  PRIMARY KEY (workshop_id, client_id)
);
