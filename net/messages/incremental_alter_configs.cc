#include "net/messages/incremental_alter_configs.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::incremental_alter_configs_request);
KARST_DEFINE_MESSAGE(karst::net::incremental_alter_configs_response);
