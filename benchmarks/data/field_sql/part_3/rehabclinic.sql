-- A clinic for rehabilitation. Rows are made by rehabclinic_rows.py.

CREATE TABLE insurer (
  insurerId INTEGER PRIMARY KEY,
  insurerName VARCHAR(50) NOT NULL,
  insurerType VARCHAR(10) NOT NULL, -- public, private
  maxDaysPaid INTEGER -- NULL without a limit
);

CREATE TABLE careUnit (
  unitId INTEGER PRIMARY KEY,
  unitName VARCHAR(40) NOT NULL,
  floorNumber INTEGER NOT NULL,
  bedCount INTEGER NOT NULL,
  isLocked INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE employee (
  employeeId INTEGER PRIMARY KEY,
  fullName VARCHAR(60) NOT NULL,
  jobTitle VARCHAR(30) NOT NULL, -- physician, physiotherapist, occupational therapist, speech therapist, ...
  unitId INTEGER REFERENCES careUnit (unitId),
  hireDate DATE NOT NULL,
  leaveDate DATE,
  monthlySalary INTEGER NOT NULL,
  partTime CHAR(1) NOT NULL, -- Y or N
  supervisorId INTEGER REFERENCES employee (employeeId)
);

CREATE TABLE patient (
  patientId INTEGER PRIMARY KEY,
  firstName VARCHAR(30) NOT NULL,
  lastName VARCHAR(30) NOT NULL,
  sex CHAR(1) NOT NULL, -- F or M
  birthDate VARCHAR(10) NOT NULL, -- DD/MM/YYYY
  homeTown VARCHAR(30),
  insurerId INTEGER REFERENCES insurer (insurerId),
  registeredOn DATE NOT NULL,
  smoker INTEGER, -- 1, 0, or NULL where it was not asked
  walkingAid VARCHAR(20) -- wheelchair, walker, crutches, cane
);

CREATE TABLE stay (
  stayId INTEGER PRIMARY KEY,
  patientId INTEGER NOT NULL REFERENCES patient (patientId),
  unitId INTEGER NOT NULL REFERENCES careUnit (unitId),
  physicianId INTEGER NOT NULL REFERENCES employee (employeeId),
  admittedOn DATE NOT NULL,
  plannedDischarge DATE NOT NULL,
  dischargedOn DATE,
  dischargedTo VARCHAR(15), -- home, nursing home, hospital
  referredBy VARCHAR(30), -- the hospital that sent the patient
  previousStayId INTEGER REFERENCES stay (stayId)
);

CREATE TABLE stayDiagnosis (
  stayId INTEGER NOT NULL REFERENCES stay (stayId),
  diagnosisCode VARCHAR(6) NOT NULL,
  diagnosisName VARCHAR(50) NOT NULL,
  isPrimary CHAR(1) NOT NULL, -- Y or N
  PRIMARY KEY (stayId, diagnosisCode)
);

CREATE TABLE therapyType (
  therapyTypeId INTEGER PRIMARY KEY,
  therapyName VARCHAR(40) NOT NULL,
  discipline VARCHAR(20) NOT NULL, -- physio, occupational, speech, psychology
  plannedMinutes INTEGER NOT NULL,
  sessionPrice DECIMAL(8, 2) NOT NULL,
  inGroup INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE therapySession (
  sessionId INTEGER PRIMARY KEY,
  stayId INTEGER NOT NULL REFERENCES stay (stayId),
  therapyTypeId INTEGER NOT NULL REFERENCES therapyType (therapyTypeId),
  therapistId INTEGER REFERENCES employee (employeeId),
  startsAt TIMESTAMP NOT NULL,
  actualMinutes INTEGER,
  sessionStatus VARCHAR(10) NOT NULL -- done, missed, cancelled
);

CREATE TABLE assessment (
  assessmentId INTEGER PRIMARY KEY,
  stayId INTEGER NOT NULL REFERENCES stay (stayId),
  assessorId INTEGER NOT NULL REFERENCES employee (employeeId),
  scaleName VARCHAR(20) NOT NULL, -- Barthel, Berg, Pain
  score INTEGER,
  assessedAt INTEGER NOT NULL -- seconds since 1970
);

CREATE TABLE medication (
  medicationId INTEGER PRIMARY KEY,
  medicationName VARCHAR(30) NOT NULL,
  drugClass VARCHAR(20) NOT NULL,
  pricePerTablet DECIMAL(6, 2) NOT NULL,
  tabletsInStock INTEGER NOT NULL,
  minimumStock INTEGER NOT NULL,
  controlled CHAR(1) NOT NULL -- Y or N
);

CREATE TABLE prescription (
  prescriptionId INTEGER PRIMARY KEY,
  stayId INTEGER NOT NULL REFERENCES stay (stayId),
  medicationId INTEGER NOT NULL REFERENCES medication (medicationId),
  prescriberId INTEGER NOT NULL REFERENCES employee (employeeId),
  startDate DATE NOT NULL,
  endDate DATE,
  tablets INTEGER NOT NULL
);

CREATE TABLE invoice (
  invoiceNumber INTEGER PRIMARY KEY,
  stayId INTEGER NOT NULL REFERENCES stay (stayId),
  invoiceDate VARCHAR(10) NOT NULL, -- DD/MM/YYYY
  totalAmount DECIMAL(10, 2) NOT NULL,
  amountPaid DECIMAL(10, 2) NOT NULL,
  invoiceStatus VARCHAR(10) NOT NULL, -- paid, partly paid, open, overdue
  paidBy VARCHAR(10) -- insurer, patient
);
