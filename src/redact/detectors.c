/* The table of detectors.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Labels are words that stand before a value: "身份证号", "tax file number".
 * They are matched at the beginning of a word, whatever the case; '_' stands
 * for a blank, a dash, an underscore or nothing; Chinese, Japanese, Korean and
 * Thai labels anywhere. At most 48 bytes each, no digit in them.
 */
#include "redact/detectors.h"

#include <string.h>

// clang-format off
#define ROW(type, what, needs, labels) \
    [CG_TYPE_##type] = {#type, what, labels, needs}

const cg_detector_t cg_detectors[CG_TYPE_COUNT] = {
ROW(KEYWORD, "Word of a list", false, NULL),
ROW(CUSTOM, "Administrator's regular expression", false, NULL),

ROW(CREDIT_CARD, "Payment card number", false,
    "card card_number card_no credit_card debit_card visa mastercard amex "
    "american_express unionpay discover jcb diners maestro cc pan ccnum "
    "payment_card bank_card kreditkarte carte tarjeta "
    "卡号 信用卡 银行卡 储蓄卡 借记卡 卡片 付款卡 收款卡 银联 工资卡 卡 "
    "信用卡號 銀行卡 卡號 クレジットカード カード 카드 บัตร"),
ROW(IBAN_CODE, "International bank account number", false,
    "iban bank_account account beneficiary 国际银行账号 银行账号 收款账户 账户 账号"),
ROW(EMAIL_ADDRESS, "E-mail address", false,
    "email e_mail mail 邮箱 邮件 电邮 信箱 "
    "邮址 郵箱 電郵"),
ROW(PHONE_NUMBER, "Telephone number", false,
    "phone telephone tel mobile cellphone cell_phone cell_number my_cell call fax contact contact_number "
    "phone_number mobile_number whatsapp sms text_me handy telefon téléphone "
    "telefono teléfono telefone dial hotline helpline landline ph mob desk "
    "reach_me answering messages_to message_to registered ring 手机 电话 手提 联系方式 联系电话 致电 拨打 来电 传真 座机 热线 "
    "电话号码 手機 電話 聯絡 携帯 전화 휴대폰 연락처 โทร เบอร์ WeChat 微信 телефон"),
ROW(IP_ADDRESS, "IP address", false, "ip ip_address ipv IP地址 host server dns gateway address addr "
    "loopback localhost broadcast connecting_from src dst ping ssh client "
    "subnet netmask route nameserver 服务器 主机 网关"),
ROW(MAC_ADDRESS, "Hardware address", false, "mac mac_address hardware_address 网卡 "
    "物理地址 硬件地址 ethernet ether bssid wlan"),
ROW(CRYPTO, "Cryptocurrency address", false,
    "bitcoin btc wallet crypto eth ethereum 比特币 钱包 以太坊"),
ROW(CN_RESIDENT_ID, "China resident identity number", false,
    "resident_id id_card identity_card chinese_id 身份证 证件 公民身份 "
    "身份號 居民身份"),
ROW(CN_USCC, "China unified social credit code", false,
    "uscc social_credit credit_code 统一社会信用代码 信用代码 纳税人识别号 税号 "
    "营业执照"),
ROW(CN_LICENSE_PLATE, "China vehicle plate", false,
    "plate licence_plate license_plate 车牌 号牌 车号"),
ROW(HK_ID, "Hong Kong identity card", false, "hkid hong_kong_id 香港身份证 香港身份證 "
    "hk_id hong_kong_identity 香港身份 港澳居民"),
ROW(US_SSN, "US social security number", false,
    "ssn social_security social_security_number social 社会安全号 社保号 美国SSN "
    "社安号"),
ROW(US_ITIN, "US individual taxpayer number", false,
    "itin taxpayer individual_taxpayer tax_id "
    "个人纳税人 美国税"),
ROW(UK_NINO, "UK national insurance number", false,
    "nino national_insurance ni_number 国民保险 "
    "national_insurance_number 英国国民保险 英国社保"),
ROW(KR_RRN, "Korea resident registration number", false,
    "rrn resident_registration 주민등록번호 주민번호 韩国身份证"),
ROW(SG_NRIC_FIN, "Singapore NRIC or FIN", false, "nric fin 新加坡身份证 "
    "singapore_id 新加坡身份 新加坡工作准证"),
ROW(FR_NIR, "France social security number", false,
    "nir sécurité_sociale securite_sociale insee social_security 法国社保 "
    "french_social 法国社会保障"),
ROW(ES_NIF, "Spain tax number", false, "nif dni 西班牙DNI 西班牙NIF "
    "spanish_tax 西班牙税"),
ROW(ES_NIE, "Spain foreigner number", false, "nie 西班牙NIE "
    "foreigner 西班牙外国人"),
ROW(IT_FISCAL_CODE, "Italy fiscal code", false,
    "codice_fiscale fiscal_code 意大利税号 "
    "italian_tax 意大利税务 意大利税"),
ROW(FI_PERSONAL_IDENTITY_CODE, "Finland personal identity code", false,
    "hetu henkilötunnus personal_identity 芬兰 "
    "finnish 芬兰身份"),
ROW(BR_CPF, "Brazil CPF", false, "cpf 巴西CPF "
    "巴西税 巴西个人税"),
ROW(BR_CNPJ, "Brazil CNPJ", false, "cnpj 巴西CNPJ "
    "巴西企业 巴西公司"),
ROW(IN_GSTIN, "India GST number", false, "gstin gst "
    "gst_number 印度税 商品及服务税"),

ROW(CN_PASSPORT, "China passport", true, "passport 护照 護照 旅行证件 "
    "因私护照 公务护照"),
ROW(TW_ID, "Taiwan identity card", true,
    "taiwan_national_id taiwan_id national_id roc_id 身分證 身份證 台湾身份证 "
    "臺灣身分證 身份证 "
    "台灣身分證 台灣身份證 台湾身份 国民身分"),
ROW(UK_NHS, "UK NHS number", true, "nhs nhs_number "
    "英国医保 国民健康 国民保健"),
ROW(AU_TFN, "Australia tax file number", true, "tfn tax_file 澳洲税号 "
    "澳大利亚税 澳洲税 澳洲个人税"),
ROW(AU_ABN, "Australia business number", true, "abn business_number 澳洲商业号 "
    "australian_business 澳大利亚商业 澳洲商业 澳大利亚企业 澳洲企业 澳洲公司"),
ROW(AU_MEDICARE, "Australia Medicare card", true, "medicare "
    "澳洲医保 澳大利亚医保 国民医疗"),
ROW(CA_SIN, "Canada social insurance number", true,
    "sin social_insurance nas 加拿大SIN 社会保险号 "
    "加拿大社会保险 加拿大社保 加拿大工卡"),
ROW(US_NPI, "US national provider identifier", true,
    "npi provider_identifier national_provider 医疗提供者 "
    "医疗机构编号 提供者编号"),
ROW(US_MBI, "US Medicare beneficiary identifier", false,
    "mbi medicare_beneficiary medicare "
    "医保受益人 美国医保"),
ROW(MEDICAL_LICENSE, "US DEA registration number", true,
    "dea dea_number certificate medical_license DEA注册号 "
    "dea_registration 药品管制 医师执照 医疗执照"),
ROW(ABA_ROUTING_NUMBER, "US bank routing number", true,
    "aba routing routing_number rtn 路由号 "
    "bank_routing 银行路由 汇款路由"),
ROW(IN_AADHAAR, "India Aadhaar number", true, "aadhaar aadhar uidai आधार "
    "印度身份 印度唯一身份"),
ROW(IN_PAN, "India permanent account number", false,
    "pan permanent_account 印度PAN "
    "印度税 印度永久账号 永久账号"),
ROW(JP_MY_NUMBER, "Japan individual number", true,
    "my_number individual_number マイナンバー 個人番号 个人番号 "
    "日本个人编号 日本个人 日本身份 日本个号"),
ROW(PL_PESEL, "Poland PESEL", true, "pesel numer_pesel "
    "polish_id 波兰身份 波兰个人"),
ROW(NL_BSN, "Netherlands citizen service number", true,
    "bsn burgerservicenummer sofinummer 公民服务号 "
    "citizen_service 荷兰公民 荷兰身份 荷兰社保"),
ROW(TR_NATIONAL_ID, "Turkey identity number", true,
    "tc_kimlik kimlik tckn tc_no t.c. turkish_id 土耳其身份证 "
    "turkish_national turkish_identity turkish_citizen 土耳其公民 土耳其身份"),
ROW(TH_TNIN, "Thailand identity number", true,
    "thai_id thai_national tnin thai บัตรประชาชน ประจำตัวประชาชน 泰国身份证 "
    "thailand 泰国公民 泰国身份 泰国国民"),
ROW(DE_TAX_ID, "Germany tax identification number", true,
    "steuer_id steuer_idnr steueridentifikationsnummer idnr tin steuernummer "
    "steuerliche_identifikationsnummer identifikationsnummer tax_id "
    "german_tax 德国税号 "
    "德国税 德国纳税 税务识别号"),
ROW(ZA_ID_NUMBER, "South Africa identity number", true,
    "sa_id south_african south_africa rsa_id id_number za_id 南非身份证 南非 "
    "南非公民"),
ROW(SE_PERSONNUMMER, "Sweden personal number", true,
    "personnummer personal_number samordningsnummer swedish_personal "
    "swedish 瑞典个人号码 瑞典 "
    "sweden personal_identity_number 瑞典身份"),
ROW(KR_BRN, "Korea business registration number", true,
    "brn business_registration 사업자등록번호 사업자 韩国营业执照 "
    "korean_business 韩国企业 韩国工商 韩国商业 韩国事业者"),

ROW(SECRET_PRIVATE_KEY, "Private key", false, NULL),
ROW(SECRET_JWT, "JSON web token", false, NULL),
ROW(SECRET_OPENAI_KEY, "OpenAI key", false, NULL),
ROW(SECRET_ANTHROPIC_KEY, "Anthropic key", false, NULL),
ROW(SECRET_AWS_KEY_ID, "AWS access key id", false, NULL),
ROW(SECRET_AWS_SECRET_KEY, "AWS secret access key", true,
    "aws_secret secret_access_key secret_key aws_secret_key "
    "aws_secret_access_key secretaccesskey aws 访问密钥 秘密访问密钥 "
    "aws密钥 秘密密钥 私有密钥 密钥"),
ROW(SECRET_GITHUB_TOKEN, "GitHub token", false, NULL),
ROW(SECRET_GITLAB_TOKEN, "GitLab token", false, NULL),
ROW(SECRET_SLACK_TOKEN, "Slack token", false, NULL),
ROW(SECRET_SLACK_WEBHOOK, "Slack webhook", false, NULL),
ROW(SECRET_GCP_KEY, "Google API key", false, NULL),
ROW(SECRET_HF_TOKEN, "Hugging Face token", false, NULL),
ROW(SECRET_NPM_TOKEN, "npm token", false, NULL),
ROW(SECRET_PYPI_TOKEN, "PyPI token", false, NULL),
ROW(SECRET_SENDGRID_KEY, "SendGrid key", false, NULL),
ROW(SECRET_STRIPE_KEY, "Stripe key", false, NULL),
ROW(SECRET_ALIBABA_KEY_ID, "Alibaba Cloud key id", false, NULL),
ROW(SECRET_TENCENT_KEY_ID, "Tencent Cloud key id", false, NULL),
ROW(SECRET_URL_CREDENTIAL, "User and password in a URL", false, NULL),
ROW(SECRET_API_KEY, "Key of another service", false, NULL),
ROW(SECRET_PASSWORD, "Password", true, NULL),
ROW(PERSON, "Name of a person", false, NULL),
ROW(LOCATION, "Place or address", false, NULL),
ROW(ORGANIZATION, "Name of an organisation", false, NULL),
};
// clang-format on

int cg_detector_find(const char *name)
{
    if (strncmp(name, "CUSTOM:", 7) == 0) {
        return CG_TYPE_CUSTOM;
    }
    for (int i = 0; i < CG_TYPE_COUNT; i++) {
        if (strcmp(cg_detectors[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

const char *cg_detector_name(int type)
{
    return type >= 0 && type < CG_TYPE_COUNT ? cg_detectors[type].name
                                             : "UNKNOWN";
}

bool cg_detector_is_secret(int type)
{
    return type >= CG_TYPE_SECRET_PRIVATE_KEY &&
           type <= CG_TYPE_SECRET_PASSWORD;
}

bool cg_detector_is_external(int type)
{
    return type >= CG_TYPE_PERSON && type <= CG_TYPE_ORGANIZATION;
}
