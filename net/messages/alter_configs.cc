#include "net/messages/alter_configs.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::alter_configs_request);
KARST_DEFINE_MESSAGE(karst::net::alter_configs_response);
