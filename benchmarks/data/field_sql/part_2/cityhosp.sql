-- A city hospital, in the short names of an old system. Rows are made by cityhosp_rows.py.

CREATE TABLE ref_ward (
  ward_cd CHAR(3) PRIMARY KEY,
  ward_nm VARCHAR(40) NOT NULL,
  bldg VARCHAR(20) NOT NULL,
  flr_no INTEGER NOT NULL,
  bed_cnt INTEGER NOT NULL,
  is_icu INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE ref_payer (
  payer_id INTEGER PRIMARY KEY,
  payer_nm VARCHAR(60) NOT NULL,
  payer_typ VARCHAR(12) NOT NULL, -- statutory, private, charity
  cov_pct INTEGER NOT NULL
);

CREATE TABLE stf_mst (
  stf_id INTEGER PRIMARY KEY,
  stf_nm VARCHAR(60) NOT NULL,
  job_role VARCHAR(20) NOT NULL, -- consultant, surgeon, resident, head nurse, nurse, technician
  ward_cd CHAR(3) REFERENCES ref_ward (ward_cd),
  join_dt DATE NOT NULL,
  exit_dt DATE,
  base_sal INTEGER NOT NULL, -- a year
  mgr_id INTEGER REFERENCES stf_mst (stf_id),
  shift_cd CHAR(1) -- D (day), N (night), R (rotating)
);

CREATE TABLE pat_mst (
  pat_id INTEGER PRIMARY KEY,
  mrn VARCHAR(10) NOT NULL, -- medical record number
  fst_nm VARCHAR(30) NOT NULL,
  lst_nm VARCHAR(30) NOT NULL,
  gender CHAR(1) NOT NULL, -- F or M
  dob VARCHAR(10) NOT NULL, -- DD/MM/YYYY
  town VARCHAR(30),
  blood_grp VARCHAR(3),
  allergy VARCHAR(30),
  payer_id INTEGER REFERENCES ref_payer (payer_id),
  reg_dt DATE NOT NULL,
  dod DATE, -- date of death
  organ_donor CHAR(1), -- Y, N, or NULL where it was not asked
  gp_nm VARCHAR(40) -- family doctor
);

CREATE TABLE adm_hdr (
  adm_id INTEGER PRIMARY KEY,
  pat_id INTEGER NOT NULL REFERENCES pat_mst (pat_id),
  ward_cd CHAR(3) NOT NULL REFERENCES ref_ward (ward_cd),
  att_id INTEGER NOT NULL REFERENCES stf_mst (stf_id), -- attending consultant
  adm_typ VARCHAR(10) NOT NULL, -- elective, urgent, transfer
  adm_ts TIMESTAMP NOT NULL,
  dis_ts TIMESTAMP,
  dis_outcome VARCHAR(12), -- home, rehab, transferred, died
  prev_adm_id INTEGER REFERENCES adm_hdr (adm_id) -- the admission that a readmission follows
);

CREATE TABLE dx_line (
  dx_id INTEGER PRIMARY KEY,
  adm_id INTEGER NOT NULL REFERENCES adm_hdr (adm_id),
  icd_cd VARCHAR(6) NOT NULL,
  dx_desc VARCHAR(60) NOT NULL,
  dx_rank INTEGER NOT NULL -- 1 is the main diagnosis
);

CREATE TABLE proc_log (
  proc_id INTEGER PRIMARY KEY,
  adm_id INTEGER NOT NULL REFERENCES adm_hdr (adm_id),
  surg_id INTEGER NOT NULL REFERENCES stf_mst (stf_id),
  proc_nm VARCHAR(40) NOT NULL,
  theatre VARCHAR(10) NOT NULL,
  proc_dt DATE NOT NULL,
  dur_min INTEGER,
  anaes_typ VARCHAR(10) NOT NULL, -- general, regional, local
  cmpl_flg CHAR(1) NOT NULL -- complication: Y or N
);

CREATE TABLE drug_mst (
  drug_id INTEGER PRIMARY KEY,
  drug_nm VARCHAR(30) NOT NULL,
  drug_cls VARCHAR(20) NOT NULL,
  route VARCHAR(10) NOT NULL, -- oral, iv, inhaled, topical
  unit_cost DECIMAL(8, 2) NOT NULL,
  stk_qty INTEGER NOT NULL,
  min_qty INTEGER NOT NULL,
  high_risk INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE med_ord (
  ord_id INTEGER PRIMARY KEY,
  adm_id INTEGER NOT NULL REFERENCES adm_hdr (adm_id),
  drug_id INTEGER NOT NULL REFERENCES drug_mst (drug_id),
  presc_id INTEGER NOT NULL REFERENCES stf_mst (stf_id),
  ord_dt DATE NOT NULL,
  stop_dt DATE,
  dose_mg INTEGER NOT NULL,
  qty_disp INTEGER NOT NULL -- units dispensed
);

CREATE TABLE lab_res (
  lab_id INTEGER PRIMARY KEY,
  adm_id INTEGER NOT NULL REFERENCES adm_hdr (adm_id),
  test_nm VARCHAR(20) NOT NULL,
  res_val DECIMAL(8, 2),
  uom VARCHAR(10),
  abn_flg CHAR(1), -- H (high), L (low), NULL where the value is normal or missing
  coll_epoch INTEGER NOT NULL -- collected, seconds since 1970
);

CREATE TABLE vit_sign (
  vs_id INTEGER PRIMARY KEY,
  adm_id INTEGER NOT NULL REFERENCES adm_hdr (adm_id),
  nurse_id INTEGER NOT NULL REFERENCES stf_mst (stf_id),
  taken_ts TIMESTAMP NOT NULL,
  temp_c DECIMAL(4, 1) NOT NULL,
  sys_bp INTEGER,
  dia_bp INTEGER,
  pulse INTEGER NOT NULL,
  spo2 INTEGER
);

CREATE TABLE bill_hdr (
  bill_no INTEGER PRIMARY KEY,
  adm_id INTEGER NOT NULL REFERENCES adm_hdr (adm_id),
  bill_dt VARCHAR(10) NOT NULL, -- DD/MM/YYYY
  gross_amt DECIMAL(10, 2) NOT NULL,
  disc_amt DECIMAL(10, 2) NOT NULL,
  paid_amt DECIMAL(10, 2) NOT NULL,
  bill_stat VARCHAR(8) NOT NULL -- paid, part, unpaid, disputed
);
