-- A town hospital. Rows are made by hospital_rows.py.

CREATE TABLE departments (
  dept_code CHAR(4) PRIMARY KEY,
  dept_name VARCHAR(40) NOT NULL,
  floor INTEGER,
  annual_budget INTEGER
);

CREATE TABLE doctors (
  doctor_id INTEGER PRIMARY KEY,
  doctor_name VARCHAR(60) NOT NULL,
  specialty VARCHAR(40) NOT NULL,
  dept_code CHAR(4) REFERENCES departments (dept_code),
  hired_on DATE NOT NULL,
  monthly_salary DECIMAL(10, 2) NOT NULL,
  supervisor_id INTEGER REFERENCES doctors (doctor_id),
  on_leave INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE insurers (
  insurer_id INTEGER PRIMARY KEY,
  company VARCHAR(60) NOT NULL,
  plan_type VARCHAR(10) NOT NULL, -- public or private
  coverage_pct INTEGER NOT NULL
);

CREATE TABLE patients (
  patient_id INTEGER PRIMARY KEY,
  given_name VARCHAR(40) NOT NULL,
  family_name VARCHAR(40) NOT NULL,
  sex CHAR(1) NOT NULL, -- F or M
  birth_date DATE NOT NULL,
  city VARCHAR(40),
  phone VARCHAR(20),
  smoker INTEGER, -- 1, 0, or NULL where it was not asked
  registered_on DATE NOT NULL,
  deceased_on DATE,
  insurer_id INTEGER REFERENCES insurers (insurer_id)
);

CREATE TABLE rooms (
  room_id INTEGER PRIMARY KEY,
  room_number VARCHAR(8) NOT NULL,
  dept_code CHAR(4) NOT NULL REFERENCES departments (dept_code),
  beds INTEGER NOT NULL,
  private CHAR(1) NOT NULL, -- Y or N
  daily_rate DECIMAL(8, 2) NOT NULL
);

CREATE TABLE visits (
  visit_id INTEGER PRIMARY KEY,
  patient_id INTEGER NOT NULL REFERENCES patients (patient_id),
  doctor_id INTEGER NOT NULL REFERENCES doctors (doctor_id),
  visit_type VARCHAR(12) NOT NULL, -- inpatient, outpatient, emergency
  admitted_at TIMESTAMP NOT NULL,
  discharged_at TIMESTAMP,
  room_id INTEGER REFERENCES rooms (room_id),
  triage_level INTEGER -- 1 is the most urgent
);

CREATE TABLE diagnoses (
  diagnosis_id INTEGER PRIMARY KEY,
  visit_id INTEGER NOT NULL REFERENCES visits (visit_id),
  icd_code VARCHAR(8) NOT NULL,
  description VARCHAR(60) NOT NULL,
  is_primary CHAR(1) NOT NULL -- Y or N
);

CREATE TABLE medications (
  medication_id INTEGER PRIMARY KEY,
  brand_name VARCHAR(40) NOT NULL,
  generic_name VARCHAR(40) NOT NULL,
  form VARCHAR(12) NOT NULL,
  unit_price DECIMAL(8, 2) NOT NULL,
  controlled INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE prescriptions (
  prescription_id INTEGER PRIMARY KEY,
  visit_id INTEGER NOT NULL REFERENCES visits (visit_id),
  medication_id INTEGER NOT NULL REFERENCES medications (medication_id),
  start_date DATE NOT NULL,
  end_date DATE,
  dose_mg INTEGER NOT NULL,
  units INTEGER NOT NULL
);

CREATE TABLE lab_results (
  lab_id INTEGER PRIMARY KEY,
  visit_id INTEGER NOT NULL REFERENCES visits (visit_id),
  test_name VARCHAR(40) NOT NULL,
  result_value DECIMAL(8, 2),
  unit VARCHAR(12),
  flag CHAR(1), -- H (high), L (low), N (normal)
  taken_epoch INTEGER NOT NULL, -- seconds since 1970
  reviewed INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE appointments (
  appointment_id INTEGER PRIMARY KEY,
  patient_id INTEGER NOT NULL REFERENCES patients (patient_id),
  doctor_id INTEGER NOT NULL REFERENCES doctors (doctor_id),
  scheduled_for TIMESTAMP NOT NULL,
  status VARCHAR(12) NOT NULL -- kept, no-show, cancelled
);

CREATE TABLE invoices (
  invoice_id INTEGER PRIMARY KEY,
  visit_id INTEGER NOT NULL REFERENCES visits (visit_id),
  amount_due DECIMAL(10, 2) NOT NULL,
  amount_paid DECIMAL(10, 2) NOT NULL,
  issued_on VARCHAR(10) NOT NULL, -- DD/MM/YYYY
  settled CHAR(1) NOT NULL -- Y or N
);
