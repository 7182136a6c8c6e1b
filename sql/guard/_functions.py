"""Functions that may be called, by dialect and by name: computation on their arguments and nothing else.

Left out is what reads files, settings, catalogues, sessions or tables named in a string, writes, sleeps, locks,
signals, opens connections, loads code, runs a query given as text, or makes large values out of nothing. A function
missing here is refused, so a new release of a database cannot open a hole.
"""

from __future__ import annotations

__all__ = ["FUNCTIONS", "GROWING", "TABLE_FUNCTIONS"]

_ALL = """
    abs acos asin atan atan2 avg cast ceil ceiling coalesce concat concat_ws cos count cume_dist current_date
    current_time current_timestamp date degrees dense_rank exp first_value floor group_concat lag last_value lead
    length ln log log10 log2 lower ltrim max min mod nth_value ntile nullif octet_length percent_rank pi pow power
    radians rank replace round row_number rtrim sign sin sqrt substr substring sum tan trim upper
"""
_SQLITE = """
    acosh asinh atanh bm25 char concat cosh datetime format generate_series glob hex highlight if ifnull iif instr
    json json_array json_array_length json_each json_error_position json_extract json_group_array json_group_object
    json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_tree json_type
    json_valid jsonb jsonb_array jsonb_each jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert
    jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree julianday like likelihood likely median
    percentile percentile_cont percentile_disc printf quote random regexp regexp_like regexp_replace regexp_substr
    sinh snippet soundex stddev stddev_pop stddev_samp strftime string_agg substring tanh time timediff total trunc
    typeof unhex unicode unistr unistr_quote unixepoch unlikely upper var_pop var_samp variance
"""
_POSTGRES = """
    acosd acosh age akeys all any any_value area array array_agg array_append array_cat array_dims array_fill
    array_length array_lower array_ndims array_position array_positions array_prepend array_remove array_replace
    array_reverse array_sample array_shuffle array_sort array_to_json array_to_string array_upper ascii asind asinh
    atan2d atand atanh avals bit_and bit_count bit_length bit_or bit_xor bool bool_and bool_or bound_box box broadcast
    btrim cardinality casefold cbrt center char_length character_length chr circle clock_timestamp convert
    convert_from convert_to corr cosd cosh cot cotd covar_pop covar_samp crc32 crc32c date_add date_bin date_part
    date_subtract date_trunc daterange decode diagonal diameter difference div dmetaphone dmetaphone_alt earth_box
    earth_distance encode enum_first enum_last enum_range erf erfc every extract factorial family first float4 float8
    format gamma gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte greatest grouping height
    host hostmask hstore hstore_to_json hstore_to_jsonb inet_merge inet_same_family initcap int2 int4 int4multirange
    int4range int8 int8multirange int8range inverse is_normalized isclosed isempty isfinite isopen json_agg
    json_agg_strict json_array json_array_elements json_array_elements_text json_array_length json_arrayagg
    json_build_array json_build_object json_each json_each_text json_exists json_extract_path json_extract_path_text
    json_object json_object_agg json_object_agg_strict json_object_agg_unique json_object_keys json_objectagg
    json_query json_scalar json_serialize json_strip_nulls json_to_record json_to_recordset json_to_tsvector
    json_typeof json_value jsonb_agg jsonb_agg_strict jsonb_array_elements jsonb_array_elements_text
    jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat jsonb_contained jsonb_contains jsonb_each
    jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text
    jsonb_insert jsonb_object jsonb_object_agg jsonb_object_agg_strict jsonb_object_keys jsonb_path_exists
    jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array
    jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_pretty
    jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_to_tsvector jsonb_typeof
    justify_days justify_hours justify_interval last lcm least left levenshtein levenshtein_less_equal lgamma like
    line ll_to_earth localtime localtimestamp lower_inc lower_inf lpad lseg make_date make_interval make_time
    make_timestamp make_timestamptz masklen md5 metaphone min_scale mode multirange netmask network normalize now
    npoints num_nonnulls num_nulls numeric nummultirange numnode numrange overlay parse_ident path percentile_cont
    percentile_disc pg_size_pretty pg_typeof phraseto_tsquery plainto_tsquery point polygon popen position querytree
    quote_ident quote_literal quote_nullable radius random random_normal range_agg range_intersect_agg range_merge
    regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
    regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
    regr_sxy regr_syy repeat reverse right row row_to_json rpad scale set_bit set_byte set_masklen setweight sha224
    sha256 sha384 sha512 similarity sind sinh skeys slope some soundex split_part st_area st_asgeojson st_astext
    st_buffer st_centroid st_contains st_coveredby st_covers st_crosses st_disjoint st_distance st_distancesphere
    st_dwithin st_envelope st_equals st_geogfromtext st_geohash st_geometrytype st_geomfromgeojson st_geomfromtext
    st_intersection st_intersects st_isvalid st_length st_makeenvelope st_makepoint st_overlaps st_perimeter st_point
    st_setsrid st_simplify st_srid st_touches st_transform st_union st_within st_x st_y starts_with
    statement_timestamp stddev stddev_pop stddev_samp strict_word_similarity string_agg string_to_array
    string_to_table strip strpos svals tand tanh text time time_bucket timeofday timestamp timestamptz timezone
    to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct to_timestamp to_tsquery to_tsvector
    transaction_timestamp translate trim_array trim_scale trunc ts_delete ts_filter ts_headline ts_rank ts_rank_cd
    tsmultirange tsquery_phrase tsrange tstzmultirange tstzrange tsvector_to_array unaccent unicode_assigned unistr
    unnest upper_inc upper_inf uuid_extract_timestamp uuid_extract_version uuid_generate_v1 uuid_generate_v4 uuidv4
    uuidv7 var_pop var_samp varchar variance websearch_to_tsquery width width_bucket word_similarity
"""
_MYSQL = """
    adddate addtime all any any_value ascii bin bin_to_uuid bit_and bit_count bit_length bit_or bit_xor char
    char_length character_length conv convert convert_tz cot crc32 curdate curtime date_add date_format date_sub
    datediff day dayname dayofmonth dayofweek dayofyear elt export_set extract field find_in_set format format_bytes
    format_pico_time from_base64 from_days from_unixtime geometrycollection get_format greatest grouping hex hour if
    ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval is_ipv4 is_ipv6 is_uuid isnull json_array
    json_array_append json_array_insert json_arrayagg json_contains json_contains_path json_depth json_extract
    json_insert json_keys json_length json_merge json_merge_patch json_merge_preserve json_object json_objectagg
    json_overlaps json_pretty json_quote json_remove json_replace json_schema_valid json_search json_set
    json_storage_size json_type json_unquote json_valid json_value last_day lcase least left linestring localtime
    localtimestamp locate lpad make_set makedate maketime mbrcontains mbrintersects mbrwithin md5 median
    microsecond mid minute month monthname multipoint now oct ord
    percentile_cont percentile_disc period_add period_diff point polygon position quarter quote rand
    regexp_instr regexp_like regexp_replace regexp_substr repeat reverse right row rpad sec_to_time second sha sha1
    sha2 some soundex space st_area st_asgeojson st_astext st_buffer st_centroid st_contains st_crosses st_disjoint
    st_distance st_distance_sphere st_envelope st_equals st_geohash st_geomfromgeojson st_geomfromtext st_intersection
    st_intersects st_isvalid st_latitude st_length st_longitude st_makeenvelope st_overlaps st_pointfromtext
    st_simplify st_srid st_touches st_transform st_union st_within st_x st_y std stddev stddev_pop stddev_samp
    str_to_date strcmp subdate substring_index subtime sysdate time time_format time_to_sec timediff timestamp
    timestampadd timestampdiff to_base64 to_days to_seconds truncate ucase unhex unix_timestamp utc_date utc_time
    utc_timestamp uuid uuid_short uuid_to_bin var_pop var_samp variance week weekday weekofyear year yearweek
"""
_DUCKDB = """
    acosh add age aggregate ago all any any_value apply approx_count_distinct approx_quantile approx_top_k arbitrary
    arg_max arg_max_null arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin array array_agg
    array_aggr array_aggregate array_append array_apply array_cat array_concat array_contains array_cosine_distance
    array_cosine_similarity array_cross_product array_distance array_distinct array_dot_product array_extract
    array_filter array_grade_up array_has array_has_all array_has_any array_indexof array_inner_product
    array_intersect array_length array_negative_dot_product array_negative_inner_product array_pop_back
    array_pop_front array_position array_prepend array_push_back array_push_front array_reduce array_resize
    array_reverse array_reverse_sort array_select array_slice array_sort array_to_json array_to_string array_transform
    array_unique array_value array_where array_zip ascii asinh atanh bar base64 bin bit_and bit_count bit_length
    bit_or bit_position bit_xor bitstring bitstring_agg bool_and bool_or cardinality cbrt century char_length
    character_length chr columns contains corr cosh cot count_if count_star countif covar_pop covar_samp
    current_localtime current_localtimestamp damerau_levenshtein date_add date_diff date_part date_sub date_trunc
    datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade decode divide
    editdist3 element_at encode ends_with entropy enum_code enum_first enum_last enum_range enum_range_boundary epoch
    epoch_ms epoch_ns epoch_us equi_width_bins era even extract factorial favg fdiv fill filter first flatten fmod
    format format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_binary from_hex from_json
    from_json_strict fsum gamma gcd gen_random_uuid generate_series generate_subscripts geomean geometric_mean get_bit
    get_current_time get_current_timestamp grade_up greatest greatest_common_divisor grouping grouping_id hamming hash
    hex histogram histogram_exact hour if ifnull instr isfinite isinf isnan isodow isoyear jaccard jaro_similarity
    jaro_winkler_similarity json json_array json_array_length json_contains json_each json_exists json_extract
    json_extract_path json_extract_path_text json_extract_string json_group_array json_group_object
    json_group_structure json_keys json_merge_patch json_object json_pretty json_quote json_structure json_transform
    json_transform_strict json_tree json_type json_valid json_value julian kahan_sum kurtosis kurtosis_pop last
    last_day lcase lcm least least_common_multiple left left_grapheme len length_grapheme levenshtein lgamma list
    list_aggr list_aggregate list_any_value list_append list_apply list_approx_count_distinct list_avg list_bit_and
    list_bit_or list_bit_xor list_bool_and list_bool_or list_cat list_concat list_contains list_cosine_distance
    list_cosine_similarity list_count list_distance list_distinct list_dot_product list_element list_entropy
    list_extract list_filter list_first list_grade_up list_has list_has_all list_has_any list_histogram list_indexof
    list_inner_product list_intersect list_kurtosis list_kurtosis_pop list_last list_mad list_max list_median list_min
    list_mode list_negative_dot_product list_negative_inner_product list_pack list_position list_prepend list_product
    list_reduce list_resize list_reverse list_reverse_sort list_select list_sem list_skewness list_slice list_sort
    list_stddev_pop list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop
    list_var_samp list_where list_zip listagg localtime localtimestamp lpad lttb mad make_date make_time
    make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz map map_concat map_contains map_contains_entry
    map_contains_value map_entries map_extract map_extract_value map_from_entries map_keys map_values max_by md5
    md5_number mean median microsecond millennium millisecond min_by minute mismatches mode month monthname multiply
    nanosecond nextafter nfc_normalize now ord overlay parse_dirname parse_dirpath parse_filename parse_path
    percentile_cont percentile_disc position prefix printf product quantile quantile_cont quantile_disc quarter random
    range reduce regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
    regr_sxx regr_sxy regr_syy repeat reservoir_quantile reverse right right_grapheme round_even roundbankers row
    row_to_json rpad second sem set_bit sha1 sha256 signbit sinh skewness some split split_part st_area st_asgeojson
    st_astext st_buffer st_centroid st_contains st_distance st_distance_sphere st_dwithin st_geomfromgeojson
    st_geomfromtext st_intersects st_length st_point st_within st_x st_y starts_with stddev stddev_pop stddev_samp
    str_split str_split_regex strftime string_agg string_split string_split_regex string_to_array strip_accents strlen
    strpos strptime struct_concat struct_contains struct_extract struct_extract_at struct_insert struct_keys
    struct_pack struct_position struct_update struct_values substring_grapheme subtract suffix sum_no_overflow
    sumkahan tanh time time_bucket timezone timezone_hour timezone_minute to_base to_base64 to_binary to_centuries
    to_days to_decades to_hex to_hours to_json to_microseconds to_millennia to_milliseconds to_minutes to_months
    to_quarters to_seconds to_timestamp to_weeks to_years today transaction_timestamp translate trunc try try_strptime
    typeof ucase unbin unhex unicode union_extract union_tag union_value unnest unpivot_list url_decode url_encode
    uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 var_pop var_samp variance wavg week weekday
    weekofyear weighted_avg xor year yearweek
"""


def _names(*blocks: str) -> frozenset[str]:
    return frozenset(name for block in blocks for name in block.split())


FUNCTIONS = {
    "sqlite": _names(_ALL, _SQLITE),
    "postgres": _names(_ALL, _POSTGRES),
    "mysql": _names(_ALL, _MYSQL),
    "duckdb": _names(_ALL, _DUCKDB),
}
"""What may be called in an expression."""

TABLE_FUNCTIONS = {
    "sqlite": _names("generate_series json_each json_tree jsonb_each jsonb_tree"),
    "postgres": FUNCTIONS["postgres"],
    "mysql": frozenset[str](),
    "duckdb": _names("generate_series json_each json_tree range unnest"),
}
"""What may stand in FROM. DuckDB has table macros that read the table named by a string, so this list is apart."""

GROWING = _names("array_fill array_resize bitstring generate_series list_resize lpad range repeat rpad space")
"""What makes a value or a set of rows as large as a number says."""
